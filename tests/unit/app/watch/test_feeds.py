from __future__ import annotations

import os
from pathlib import Path

import pytest

from hisn.app.watch.config import Config, Follow, read_config
from hisn.app.watch.feeds import make_feeds
from hisn.errors import UsageError


def sources(config: Config) -> set[str]:
    found = set()
    for feed in make_feeds(config):
        feed.resume(None, 1)
        found |= {piece.source for piece in feed.poll(1 << 20, 1)}
        feed.notes(1)
        feed.committed(feed.position())
        feed.close()
    return found


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for name in ("web/access.log", "web/old/error.log", "db/access.log"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"line\n")
    return tmp_path


def test_sources_of_one_folder_are_named_as_guard_names_them(logs: Path) -> None:
    assert sources(read_config([str(logs / "web")])) == {"access.log", "old/error.log"}
    assert sources(read_config([str(logs / "web" / "access.log")])) == {"access.log"}


def test_sources_of_several_folders_are_named_with_them(logs: Path) -> None:
    config = read_config([str(logs / "web"), str(logs / "db")])
    assert sources(config) == {"web/access.log", "web/old/error.log", "db/access.log"}
    both = [str(logs / "web" / "access.log"), str(logs / "db" / "access.log")]
    assert len(sources(read_config(both))) == 2


def test_a_named_folder_keeps_its_name_and_takes_what_matches(logs: Path) -> None:
    config = Config(name="w", follow=(Follow(path=str(logs / "web"), name="portal", match="*.log"),))
    assert sources(config) == {"portal/access.log"}
    config = Config(name="w", follow=(Follow(path=str(logs / "web"), name="portal", match="**.log"),))
    assert sources(config) == {"portal/access.log", "portal/old/error.log"}


def test_a_file_may_come_later_but_its_folder_must_be_there(logs: Path) -> None:
    assert sources(read_config([str(logs / "web" / "later.log")])) == set()
    with pytest.raises(UsageError) as caught:
        make_feeds(read_config([str(logs / "none" / "later.log")]))
    assert caught.value.code == "E1352"
    os.mkfifo(logs / "pipe")
    with pytest.raises(UsageError, match="only files and folders"):
        make_feeds(read_config([str(logs / "pipe")]))
