"""Find the events around others: what the same source wrote just before and just after."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hisn.app.home import Node
from hisn.app.reopen import own_act


class Surroundings:
    """Walk over the events of a source from batch to batch; `size` events on either side.

    The batches are those of one file, as it was taken in: pieces that a live source sends, each
    sealed by itself, are files of their own.
    """

    def __init__(self, node: Node, size: int) -> None:
        self._node = node
        self._size = size
        self._counts: dict[int, int] = {}

    def of(self, leaf: int, index: int) -> Iterator[tuple[int, int]]:
        """Yield batch (its entry) and index of the events around one; the ends of the file end it.

        Raises StorageError where the body of a batch on the way is gone.
        """
        chain = self._node.member.fold.table.neighbours(leaf)
        yield from around(chain, (leaf, index), self._size, self._count)

    def _count(self, leaf: int) -> int:
        if leaf not in self._counts:
            count = own_act(self._node, leaf).field("count")
            self._counts[leaf] = count if isinstance(count, int) else 0
        return self._counts[leaf]


def around(
    chain: list[int], place: tuple[int, int], size: int, count_of: Callable[[int], int]
) -> Iterator[tuple[int, int]]:
    """Yield the places of up to `size` events before and behind one, nearest first on either side."""
    leaf, index = place
    at = chain.index(leaf)
    left = size
    for number in range(at, -1, -1):
        end = index if number == at else count_of(chain[number])
        start = max(0, end - left)
        yield from ((chain[number], each) for each in range(end - 1, start - 1, -1))
        left -= end - start
        if not left:
            break
    left = size
    for number in range(at, len(chain)):
        start = index + 1 if number == at else 0
        end = min(count_of(chain[number]), start + left)
        yield from ((chain[number], each) for each in range(start, end))
        left -= end - start
        if not left:
            break
