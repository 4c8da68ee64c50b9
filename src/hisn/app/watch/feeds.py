"""Make the feeds of a watch from its configuration."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hisn.app.options import address_in
from hisn.app.watch.config import Config, Follow, Http, Kafka, Syslog
from hisn.core import limits
from hisn.core.place import Place
from hisn.errors import StorageError, UsageError
from hisn.live.feed import Feed, Position
from hisn.live.folder import FolderFeed
from hisn.live.follow import FileFeed
from hisn.live.lineage import Options
from hisn.live.piece import FeedNote, Piece
from hisn.storage.disk import RealDisk

if TYPE_CHECKING:
    from hisn.live.spool import Spool

_MAX_SECRET = 4_096


class Plainly:
    """Name the files of the one folder that is followed as ``hisn guard`` does: without the folder."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.name = feed.name

    def resume(self, position: Position | None, now_us: int) -> None:
        """Begin."""
        self._feed.resume(position, now_us)

    def poll(self, max_bytes: int, now_us: int) -> Sequence[Piece]:
        """Return what came since the last call."""
        return [
            replace(piece, source=self._plain(piece.source)) for piece in self._feed.poll(max_bytes, now_us)
        ]

    def position(self) -> Position:
        """Return where the feed stands."""
        return self._feed.position()

    def committed(self, position: Position) -> None:
        """Take note of what is kept."""
        self._feed.committed(position)

    def notes(self, now_us: int) -> Sequence[FeedNote]:
        """Return what was noticed since the last call."""
        return [replace(note, source=self._plain(note.source)) for note in self._feed.notes(now_us)]

    def close(self) -> None:
        """Close everything."""
        self._feed.close()

    def _plain(self, source: str) -> str:
        return source.removeprefix(f"{self.name}/")


def make_feeds(config: Config, state: Path) -> list[Feed]:
    """Return the feeds; what cannot be asked again is kept in the folder `state` until it is sealed.

    Raises UsageError: E1352 for a path that is not there, E1353 for a token that cannot be read,
    E1304 for an address.
    """
    taken: set[str] = set()
    feeds = [
        _follow(each, taken, is_alone=len(config.follow) == 1 and not each.name) for each in config.follow
    ]
    if config.syslog or config.http:
        try:
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                "E5608",
                f"cannot make the folder {state}: {error.strerror or error}",
                hint="check the permissions of the node's folder",
                unchanged="nothing was read",
            ) from error
    feeds += [_syslog(each, state) for each in config.syslog]
    for listener in config.http:
        feeds += _http(listener, state)
    feeds += [_kafka(each) for each in config.kafka]
    return feeds


def _spool(state: Path, name: str, megabytes: int) -> Spool:
    from hisn.live.spool import Spool

    return Spool(RealDisk(), str(state / name), megabytes * limits.MiB)


def _syslog(each: Syslog, state: Path) -> Feed:
    from hisn.live.listening import Tls
    from hisn.live.syslog import Listen, SyslogFeed

    host, port = address_in(each.listen)
    tls = None
    if each.transport == "tls":
        tls = Tls(
            certificate=each.certificate,
            key=each.key,
            client_ca=each.client_ca or None,
            client_names=frozenset(each.client_names),
        )
    listen = Listen(transport=each.transport, host=host, port=port, tls=tls)
    return SyslogFeed(each.name, listen, _spool(state, each.name, each.spool_megabytes))


def _http(listener: Http, state: Path) -> list[Feed]:
    from hisn.live.http_lines import Door, HttpFeed
    from hisn.node.serve import Listen, NodeServer

    host, port = address_in(listener.listen)
    listen = Listen(host, port, listener.certificate or None, listener.key or None)
    door = Door(lambda app: NodeServer(app, listen))
    return [
        HttpFeed(name, secret_in(path), _spool(state, name, listener.spool_megabytes), door)
        for name, path in sorted(listener.sources.items())
    ]


def _kafka(each: Kafka) -> Feed:
    from hisn.live.kafka import KafkaFeed, KafkaSource

    source = KafkaSource(
        brokers=each.brokers, topics=each.topics, settings=each.settings, from_end=each.from_end
    )
    return KafkaFeed(each.name, source)


def secret_in(path: str) -> str:
    """Return the token or secret in a file, without the blanks around it. Raises UsageError (E1353)."""
    try:
        text = Path(path).read_bytes()[:_MAX_SECRET].decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "E1353", "cannot read the secret in a file", place=Place(path), hint="write it in UTF-8, one line"
        ) from error
    if not text:
        raise UsageError("E1353", "the file of a secret is empty", place=Place(path))
    return text


def _follow(each: Follow, taken: set[str], *, is_alone: bool) -> Feed:
    path = Path(each.path)
    if not path.exists() and not path.parent.is_dir():
        raise UsageError("E1352", "there is nothing to follow, nor a folder for it", place=Place(each.path))
    if path.exists() and not (path.is_dir() or path.is_file()):
        raise UsageError("E1352", "only files and folders can be followed", place=Place(each.path))
    name = each.name or _shown(path.absolute().name or "root")
    if name in taken:
        name = _shown(os.path.normpath(each.path)).strip("/")
    taken.add(name)
    options = Options(from_end=each.from_end)
    if not path.is_dir():
        return FileFeed(name, each.path, options)
    wanted = re.compile(_expression(each.match)) if each.match else None
    feed = FolderFeed(name, each.path, options, wanted)
    return Plainly(feed) if is_alone else feed


def _shown(name: str) -> str:
    """Return a path as text, as ``hisn guard`` names it."""
    return os.fsencode(name).decode("utf-8", "backslashreplace").replace(os.sep, "/")


def _expression(glob: str) -> str:
    """Return our own expression for a glob: ``*`` and ``?`` do not cross ``/``, ``**`` does."""
    parts = re.split(r"(\*+|\?)", glob)
    known = {"?": "[^/]", "*": "[^/]*"}
    return "".join(known.get(part) or (".*" if part.startswith("**") else re.escape(part)) for part in parts)
