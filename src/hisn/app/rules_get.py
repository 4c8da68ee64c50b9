"""Get published rules: from an address, an archive or a folder, checked by digest, with their licence."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from hisn import __version__
from hisn.app.rules import LICENCE_NAMES, PROVENANCE, Provenance, licence_in, walk_rules
from hisn.app.rules_archive import MAX_TOTAL_BYTES, read_archive
from hisn.core import limits
from hisn.core.place import Place
from hisn.errors import InputError, StorageError, UsageError
from hisn.storage.files import home_folder

SIGMAHQ = "https://github.com/SigmaHQ/sigma/releases/latest/download/sigma_all_rules.zip"
SIGMAHQ_LICENCE = "DRL-1.1"

MAX_DOWNLOAD_BYTES = 128 * limits.MiB
_TIMEOUT_S = 30
_DEADLINE_S = 600
_BLOCK_BYTES = 64 * 1024
_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))


@dataclass(frozen=True, slots=True)
class Collected:
    """Hold what `get_rules` put into a folder."""

    folder: Path
    source: str
    sha256: str
    files: int
    licence: str
    licence_text: str


def default_folder() -> Path:
    """Return where rules go if nobody says."""
    return home_folder() / "rules" / "sigma"


def get_rules(source: str, folder: Path, sha256: str | None = None) -> Collected:
    """Get rules from a URL, a ZIP archive or a folder, and put them whole into a folder.

    `sha256` pins an archive's bytes, or for a folder the list of its files' digests (as
    `sha256sum` prints it, sorted by name).  A folder that this command filled before is replaced
    as a whole; any other that is not empty is left alone.  Raises UsageError E1040 and E1041,
    InputError E2130 to E2133, StorageError E5020 and E5030.
    """
    _check_free(folder)
    if "://" in source:
        data = _download(source)
        digest, files = hashlib.sha256(data).hexdigest(), None
    else:
        digest, data, files = _read_local(Path(source))
    if sha256 is not None and digest != sha256.strip().lower():
        raise InputError(
            "E2132",
            f"the digest is {digest}, not {sha256.strip().lower()}",
            place=Place(source),
            hint="ask the publisher which digest is right; do not use these rules before you know",
            unchanged=f"{folder} is as it was",
        )
    if files is None:
        files = read_archive(data, source)
    if not any(not _is_licence(name) for name in files):
        raise InputError("E2130", "no rules: the archive holds no .yml or .yaml file", place=Place(source))
    text = _licence_text(files)
    licence = licence_in(text) or (SIGMAHQ_LICENCE if source == SIGMAHQ else "")
    provenance = Provenance(source=source, sha256=digest, licence=licence, files=len(files))
    _install(files, provenance, folder)
    return Collected(folder, source, digest, len(files), licence, text.decode("utf-8", "replace"))


def _is_licence(name: str) -> bool:
    return PurePosixPath(name).name in LICENCE_NAMES


def _licence_text(files: dict[str, bytes]) -> bytes:
    names = sorted((name.count("/"), name) for name in files if _is_licence(name))
    return files[names[0][1]] if names else b""


def _check_free(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()) and not (folder / PROVENANCE).is_file():
        raise UsageError(
            "E1040",
            f"{folder} is not empty and was not filled by 'hisn rules get'",
            hint="choose another folder with --output, or empty this one",
            unchanged=f"{folder} is as it was",
        )


def _read_local(path: Path) -> tuple[str, bytes, dict[str, bytes] | None]:
    try:
        if not path.is_dir():
            with path.open("rb") as stream:
                data = stream.read(MAX_DOWNLOAD_BYTES + 1)
            if len(data) > MAX_DOWNLOAD_BYTES:
                raise InputError("E2133", f"larger than {MAX_DOWNLOAD_BYTES} bytes", place=Place(str(path)))
            return hashlib.sha256(data).hexdigest(), data, None
        files = _read_folder(path)
    except OSError as error:
        reason = f"no rules: {error.strerror or error}"
        raise InputError("E2130", reason, place=Place(str(path))) from None
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return hashlib.sha256("".join(lines).encode()).hexdigest(), b"", files


def _read_folder(folder: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    wanted = [(name, Path(path)) for name, path, _ in walk_rules(str(folder))]
    wanted += [(name, folder / name) for name in LICENCE_NAMES if (folder / name).is_file()]
    for name, path in sorted(wanted):
        with path.open("rb") as stream:
            files[name] = stream.read(limits.MAX_RULE_BYTES + 1)
        total += len(files[name])
        if len(files[name]) > limits.MAX_RULE_BYTES or total > MAX_TOTAL_BYTES:
            raise InputError("E2133", "the rules are too large", place=Place(str(path)))
    return files


def _install(files: dict[str, bytes], provenance: Provenance, folder: Path) -> None:
    """Put the files beside the folder first and swap whole: a run meanwhile sees old or new rules."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            _write(files, provenance, fresh)
            _swap(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise StorageError(
            "E5020",
            f"cannot write {folder}: {error.strerror or error}",
            hint="check the folder's permissions and free space",
        ) from error


def _write(files: dict[str, bytes], provenance: Provenance, folder: Path) -> None:
    folder.chmod(0o755)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / PROVENANCE).write_bytes(msgspec.json.format(msgspec.json.encode(provenance)) + b"\n")


def _swap(fresh: Path, folder: Path) -> None:
    if not folder.exists():
        fresh.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
    try:
        # Dying between the two leaves the old rules under a hidden name and none in place: loud.
        folder.rename(old / "rules")
        fresh.rename(folder)
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _check_address(address: str) -> None:
    parts = urllib.parse.urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return
    raise UsageError(
        "E1041",
        f"rules are got over https alone, not from {address}",
        hint="give an https address, or download the archive by other means and give its path",
    )


class _HttpsRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects, but not out of https: the first hop's TLS proves nothing about the last."""

    def redirect_request(  # noqa: PLR0917 - the standard library's signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        try:
            _check_address(newurl)
        except UsageError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _download(address: str) -> bytes:
    _check_address(address)
    opener = urllib.request.build_opener(_HttpsRedirects)
    request = urllib.request.Request(address, headers={"User-Agent": f"hisn/{__version__}"})  # noqa: S310 - checked above
    deadline = time.monotonic() + _DEADLINE_S
    blocks: list[bytes] = []
    size = 0
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            while block := answer.read(_BLOCK_BYTES):
                size += len(block)
                if size > MAX_DOWNLOAD_BYTES:
                    raise InputError("E2133", f"larger than {MAX_DOWNLOAD_BYTES} bytes", place=Place(address))
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not done after {_DEADLINE_S} s")
                blocks.append(block)
            # Reading in blocks, the standard library does not notice an end that comes too early.
            expected = answer.headers.get("Content-Length", "")
            if expected.isdecimal() and int(expected) != size:
                raise ConnectionError(f"the transfer ended after {size} of {expected} bytes")
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise StorageError(
            "E5030",
            f"cannot get {address}: {getattr(error, 'reason', None) or error}",
            hint="check the network, or download the archive by other means and give its path",
        ) from error
    return b"".join(blocks)
