from __future__ import annotations

from hisn.app.watch.contexts import Contexts
from hisn.core.packed import pack, unpack
from hisn.live.piece import Piece


def piece(data: bytes, head: bytes, generation: int = 0) -> Piece:
    return Piece(
        source="s", start=0, data=data, first_record=1, generation=generation, head=head, arrived_us=0
    )


def test_the_first_piece_of_a_generation_stands_for_itself() -> None:
    contexts = Contexts()
    first = piece(b"a\nb\n", b"a\nb\n")
    assert contexts.of(first) == b""
    contexts.passed("s", 0, first.data)
    assert contexts.of(piece(b"c\n", b"a\nb\nc\n")) == b"a\nb\nc\n"
    assert contexts.of(piece(b"x\n", b"x\n", generation=1)) == b""


def test_directives_seen_last_stand_before_what_follows() -> None:
    contexts = Contexts()
    contexts.passed("s", 0, b"#Fields: a b\n1 2\n#Fields: b a\n2 1\n")
    other = Contexts()
    other.load(unpack(pack(contexts.dump())))
    for each in (contexts, other):
        assert each.of(piece(b"3 4\n", b"#Fields: a b\n1 2\n#Fie")) == b"#Fields: b a\n"
        each.passed("s", 1, b"no directives\n")
        assert each.of(piece(b"3 4\n", b"no directives\n3 4\n", generation=1)).startswith(b"no directives")


def test_a_start_in_the_middle_of_a_generation_has_its_head() -> None:
    assert Contexts().of(piece(b"c\n", b"a\nb\nc\n")) == b"a\nb\nc\n"
