"""Simulate a disk that keeps only what it was told to keep, and a process that dies at any call.

`SimulatedDisk` speaks for the operating system (protocol `Disk`), so that the real `FileBlobs`
and the real `LogWriter` run over it.  What POSIX leaves open, it takes:

- Bytes written since the last `sync` of a file may reach the platter or not, each write for
  itself, whole, cut anywhere or with a sector of zeros in it.
- New, changed and removed names of a folder may reach it or not, each for itself and in any order,
  until that folder is synced; a file may be there without its name, and its name without its bytes.
- A `sync` that fails leaves pages and names that readers see and that no later `sync` writes.  New
  folders are spared: they are the journal's business, and a file system whose journal fails
  takes nothing more.

A failing process without loss of power (`reboot(None)`) loses nothing of that.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hisn.errors import StorageError
from hisn.storage.disk import TEMPORARY, Found
from hisn.testing.dice import Dice
from hisn.tlog.ports import Conflict, DurabilityLost, Swap

_SECTOR = 512


class Crash(BaseException):
    """Say that the process ended in the middle of a call; no code of the process may catch it."""


@dataclass(slots=True, eq=False)
class _File:
    cache: bytes = b""
    kept: bytes = b""
    pending: list[tuple[int, bytes]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Folder:
    cache: dict[str, _File | _Folder] = field(default_factory=dict)
    kept: dict[str, _File | _Folder] = field(default_factory=dict)
    pending: list[dict[str, _File | _Folder | None]] = field(default_factory=list)
    """Changes of names that belong together: a rename is one of two names."""


@dataclass(slots=True)
class Faults:
    """Decide what happens at each call: `calls` counts them, `plan` holds what is to come.

    A plan names the call and what it does: a function to be run before the call, which may
    raise, and one to be run after it.
    """

    calls: int = 0
    before: dict[int, Callable[[str], None]] = field(default_factory=dict)
    after: dict[int, Callable[[str], None]] = field(default_factory=dict)
    is_dead: bool = False

    def enter(self, call: str) -> int:
        """Count a call and do what is planned before it."""
        if self.is_dead:
            raise Crash(call)
        self.calls += 1
        number = self.calls
        self._do(self.before, number, call)
        return number

    def leave(self, number: int, call: str) -> None:
        """Do what is planned after a call."""
        self._do(self.after, number, call)

    def _do(self, plan: dict[int, Callable[[str], None]], number: int, call: str) -> None:
        if action := plan.pop(number, None):
            action(call)

    def crash(self, call: str) -> None:
        """Be an action of a plan: end the process."""
        self.is_dead = True
        raise Crash(call)

    def fail(self, call: str) -> None:
        """Be an action of a plan: answer with an error of the device, or with a full disk."""
        if call == "write":
            raise OSError(errno.ENOSPC, "No space left on device")
        if call == "swap":
            raise DurabilityLost("the simulated register failed")
        if call == "get":
            raise StorageError("E5204", "the simulated register cannot be read")
        raise OSError(errno.EIO, "Input/output error")


class SimulatedDisk:
    """Keep files and folders in memory, and forget them like a disk; `root` is the path of its top."""

    def __init__(self, root: str, faults: Faults) -> None:
        self._faults = faults
        self._top = _Folder()
        self._root = root
        self._handles: dict[int, _File | _Folder] = {}
        self._at: dict[int, int] = {}
        self._names = 0

    def reboot(self, dice: Dice | None) -> None:
        """Start again after a crash; with dice, the power failed and they say what was kept."""
        self._handles.clear()
        self._at.clear()
        if dice is not None:
            # Now and then all or nothing: an even mixture alone would hardly ever draw them.
            self._forget(self._top, dice, dice.pick((0.0, 0.2, 0.5, 0.8, 1.0)))

    def open_handles(self) -> int:
        """Return how many handles the process has not closed."""
        return len(self._handles)

    def make_folder(self, path: str) -> None:
        """Make a folder; raises FileExistsError."""
        number = self._faults.enter("make_folder")
        parent, name = self._parent(path)
        if name in parent.cache:
            raise FileExistsError(errno.EEXIST, "File exists", path)
        self._change(parent, {name: _Folder()})
        self._faults.leave(number, "make_folder")

    def open_folder(self, path: str) -> int:
        """Return a handle of a folder."""
        self._faults.enter("open")
        return self._handle(self._folder_at(path))

    def create(self, folder: int) -> tuple[int, str]:
        """Create an empty file under a fresh temporary name."""
        number = self._faults.enter("create")
        self._names += 1
        name = f"{TEMPORARY}{self._names}"
        file = _File()
        self._change(self._folder(folder), {name: file})
        self._faults.leave(number, "create")
        return self._handle(file), name

    def is_abandoned(self, folder: int, name: str) -> bool:
        """Tell whether nobody has a file open."""
        self._faults.enter("lock")
        return self._folder(folder).cache.get(name) not in self._handles.values()

    def size(self, file: int) -> int:
        """Return how many bytes a file has."""
        self._faults.enter("size")
        return len(self._file(file).cache)

    def open(self, folder: int, name: str) -> int:
        """Return a handle of a file."""
        self._faults.enter("open")
        node = self._folder(folder).cache.get(name)
        if not isinstance(node, _File):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        return self._handle(node)

    def read(self, file: int, size: int) -> bytes:
        """Return the next bytes of a file."""
        self._faults.enter("read")
        at = self._at[file]
        data = self._file(file).cache[at : at + size]
        self._at[file] = at + len(data)
        return data

    def write(self, file: int, data: memoryview) -> int:
        """Write at the file's end; what goes is sometimes less than was given."""
        number = self._faults.enter("write")
        node = self._file(file)
        taken = bytes(data[: max(1, len(data) * 2 // 3)] if len(data) % 5 == 0 else data)
        node.pending.append((len(node.cache), taken))
        node.cache += taken
        self._faults.leave(number, "write")
        return len(taken)

    def sync(self, handle: int) -> None:
        """Keep what was written; if it fails, what was pending will never be written."""
        node = self._handles[handle]
        try:
            number = self._faults.enter("sync")
        except OSError:
            if isinstance(node, _File):
                node.pending.clear()
            else:
                node.pending = [each for each in node.pending if _makes_folder(each)]
            raise
        if isinstance(node, _File):
            for at, data in node.pending:
                node.kept = _placed(node.kept, at, data)
        else:
            for change in node.pending:
                _rename(node.kept, change)
        node.pending.clear()
        self._faults.leave(number, "sync")

    def sync_many(self, handles: Sequence[int]) -> None:
        """Sync several, one after the other: what a seed does must not depend on threads."""
        for handle in handles:
            self.sync(handle)

    def close(self, handle: int) -> None:
        """Close a handle; it is closed even where that fails."""
        self._at.pop(handle, None)
        del self._handles[handle]
        self._faults.enter("close")

    def link(self, folder: int, old: str, new_folder: int, new: str) -> None:
        """Give a file a second name; raises FileExistsError."""
        number = self._faults.enter("link")
        target = self._folder(new_folder)
        if new in target.cache:
            raise FileExistsError(errno.EEXIST, "File exists", new)
        self._change(target, {new: self._folder(folder).cache[old]})
        self._faults.leave(number, "link")

    def rename(self, folder: int, old: str, new_folder: int, new: str) -> None:
        """Rename a file, replacing another; between two folders, either name may be lost."""
        number = self._faults.enter("rename")
        node, target = self._folder(folder), self._folder(new_folder)
        if node is target:
            self._change(node, {new: node.cache[old], old: None})
        else:
            self._change(target, {new: node.cache[old]})
            self._change(node, {old: None})
        self._faults.leave(number, "rename")

    def unlink(self, folder: int, name: str) -> None:
        """Remove a name."""
        number = self._faults.enter("unlink")
        node = self._folder(folder)
        if name not in node.cache:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        self._change(node, {name: None})
        self._faults.leave(number, "unlink")

    def names(self, path: str) -> list[Found]:
        """Return what a folder holds."""
        self._faults.enter("names")
        return [Found(name, isinstance(node, _Folder)) for name, node in self._folder_at(path).cache.items()]

    def modified_s(self, folder: int, name: str) -> float:
        """Return zero: all files are of one age here."""
        self._faults.enter("modified")
        return 0.0 if name in self._folder(folder).cache else -1.0

    def _change(self, folder: _Folder, names: dict[str, _File | _Folder | None]) -> None:
        _rename(folder.cache, names)
        folder.pending.append(names)

    def _parent(self, path: str) -> tuple[_Folder, str]:
        above, _, name = path.rpartition("/")
        return self._folder_at(above), name

    def _folder_at(self, path: str) -> _Folder:
        node: _File | _Folder | None = self._top
        for name in path.removeprefix(self._root.rpartition("/")[0]).strip("/").split("/"):
            if name:
                node = node.cache.get(name) if isinstance(node, _Folder) else None
        if not isinstance(node, _Folder):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return node

    def _handle(self, node: _File | _Folder) -> int:
        handle = max(self._handles, default=2) + 1
        self._handles[handle] = node
        self._at[handle] = 0
        return handle

    def _file(self, handle: int) -> _File:
        node = self._handles[handle]
        if not isinstance(node, _File):
            raise IsADirectoryError(errno.EISDIR, "Is a directory")
        return node

    def _folder(self, handle: int) -> _Folder:
        node = self._handles[handle]
        if not isinstance(node, _Folder):
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory")
        return node

    def _forget(self, folder: _Folder, dice: Dice, share: float) -> None:
        for change in folder.pending:
            if dice.random() < share:
                _rename(folder.kept, change)
        folder.pending.clear()
        folder.cache = dict(folder.kept)
        for node in folder.cache.values():
            if isinstance(node, _Folder):
                self._forget(node, dice, share)
            elif node.pending or node.cache != node.kept:
                for at, data in node.pending:
                    if dice.random() < share:
                        node.kept = _placed(node.kept, at, _torn(data, dice))
                node.pending.clear()
                node.cache = node.kept


def _makes_folder(change: dict[str, _File | _Folder | None]) -> bool:
    return any(isinstance(node, _Folder) for node in change.values())


def _rename(names: dict[str, _File | _Folder], change: dict[str, _File | _Folder | None]) -> None:
    for name, node in change.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


def _placed(content: bytes, at: int, data: bytes) -> bytes:
    """Return a file's content with bytes written at a place; a hole before them reads as zeros."""
    return content[:at].ljust(at, b"\0") + data + content[at + len(data) :]


def _torn(data: bytes, dice: Dice) -> bytes:
    """Return what is left of a write: all, its beginning, or all but one sector."""
    match dice.below(4):
        case 0:
            return data[: dice.below(len(data) + 1)]
        case 1:
            at = dice.below(len(data) + 1) // _SECTOR * _SECTOR
            return data[:at] + bytes(min(_SECTOR, len(data) - at)) + data[at + _SECTOR :]
        case _:
            return data


class SimulatedRegister:
    """Keep values that survive every crash, as SQLite does; a swap may fail before or after it is done."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.values: dict[str, bytes] = {}
        self.history: list[tuple[str, bytes]] = []
        """Every value that was ever stored: what a witness could have been shown."""

    def get(self, name: str) -> bytes | None:
        """Return the value, or None."""
        self._faults.enter("get")
        return self.values.get(name)

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        """Replace `old` by `new`; raises `Conflict` if the value is another one."""
        self.swap_all([Swap(name, old, new)])

    def swap_all(self, rows: Sequence[Swap]) -> None:
        """Replace several rows, all or none; raises `Conflict`."""
        number = self._faults.enter("swap")
        for row in rows:
            if self.values.get(row.name) != row.old:
                raise Conflict(row.name)
        for row in rows:
            self.values[row.name] = row.new
            self.history.append((row.name, row.new))
        self._faults.leave(number, "swap")
