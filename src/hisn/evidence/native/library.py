"""Build and find the native hasher: one C file, compiled where there is a compiler, needed nowhere.

The library lies beside its source, or in the user's cache where that folder cannot be written.
Its name holds the digest of the source and the machine, so that no other library is ever loaded.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hisn.errors import InputError

SOURCE = Path(__file__).with_name("sealer.c")

_FLAGS = ("-std=gnu11", "-O3", "-shared", "-fPIC")
_COMPILERS = ("cc", "gcc", "clang")


def library_name() -> str:
    """Return the file name of the library for this source and this machine."""
    machine = f"{sys.platform} {platform.machine()}".encode()
    return f"sealer-{hashlib.sha256(SOURCE.read_bytes() + machine).hexdigest()[:16]}.so"


def library_folders() -> tuple[Path, ...]:
    """Return where a library may lie: beside the source, then in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return SOURCE.parent, (Path(cache) if cache else Path.home() / ".cache") / "hisn" / "native"


def find_library(folders: Sequence[Path] | None = None) -> Path | None:
    """Return the library that was built of this very source, if there is one."""
    name = library_name()
    return next((path for folder in folders or library_folders() if (path := folder / name).is_file()), None)


def load_library(path: Path) -> ctypes.CDLL:
    """Load a library and declare what it has. Raises OSError or AttributeError if it is another one."""
    library = ctypes.CDLL(str(path))
    pointer, size, text, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_int
    records = (text, pointer, size, ctypes.POINTER(ctypes.c_char_p), pointer)
    library.hisn_seal_fields.argtypes = (*records, text, text, pointer, size, text, size, number, pointer)
    library.hisn_seal_whole.argtypes = (*records, number, pointer)
    library.hisn_root.argtypes = (pointer, size, number, pointer)
    return library


def build_library(folders: Sequence[Path] | None = None, flags: Sequence[str] = ()) -> Path:
    """Compile the library and return its path. Raises InputError without a compiler or a folder."""
    compiler = _find_compiler()
    for folder in folders or library_folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return _compile(compiler, flags, folder / library_name())
        except OSError:
            # Installed for all users: their own caches are left.
            continue
    raise _refused("no folder can be written", "set XDG_CACHE_HOME to a folder of yours")


def _find_compiler() -> str:
    wanted = os.environ.get("CC")
    compiler = next(
        (path for name in ((wanted,) if wanted else _COMPILERS) if (path := shutil.which(name))), None
    )
    if compiler is None:
        raise _refused("no C compiler is here", "install one, or go without: the results are the same")
    return compiler


def _compile(compiler: str, flags: Sequence[str], path: Path) -> Path:
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        fresh = Path(folder) / path.name
        command = [compiler, *_FLAGS, *flags, "-o", str(fresh), str(SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own words
        if done.returncode:
            raise _refused(
                f"the compiler refuses it: {done.stderr[-500:]}", "go without: the results are the same"
            )
        # Moved into place when whole: another process may be looking for it.
        return fresh.replace(path)


def _refused(reason: str, hint: str) -> InputError:
    return InputError(
        "E2302",
        f"the native hasher cannot be built: {reason}",
        hint=hint,
        unchanged="sealing goes on in plain Python, with the same bytes",
    )
