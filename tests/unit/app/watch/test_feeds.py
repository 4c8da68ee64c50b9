from __future__ import annotations

import os
from pathlib import Path

import pytest

from hisn.app.watch.config import Config, Follow, parse_config, read_config
from hisn.app.watch.feeds import make_feeds, secret_in
from hisn.errors import UsageError


def sources(config: Config) -> set[str]:
    found = set()
    for feed in make_feeds(config, Path("/nowhere")):
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
        make_feeds(read_config([str(logs / "none" / "later.log")]), logs)
    assert caught.value.code == "E1352"
    os.mkfifo(logs / "pipe")
    with pytest.raises(UsageError, match="only files and folders"):
        make_feeds(read_config([str(logs / "pipe")]), logs)


WEB = """
[[syslog]]
name = "ems"
listen = "127.0.0.1:0"
transport = "tcp"
[[http]]
listen = "127.0.0.1:0"
[http.sources]
portal = "{folder}/token"
"""


def test_listeners_are_made_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" a token of sixteen and more \n")
    config = parse_config(WEB.format(folder=tmp_path).encode(), "w.toml")
    feeds = make_feeds(config, tmp_path / "state")
    assert [feed.name for feed in feeds] == ["ems", "portal"]
    for feed in feeds:
        feed.resume(None, 1)
    (port,) = {getattr(feed, "port", 0) for feed in feeds if feed.name == "ems"}
    for feed in feeds:
        assert feed.poll(1 << 20, 2) == []
    assert port is not None
    for feed in feeds:
        feed.close()
    assert (tmp_path / "state" / "portal").is_dir()


def test_a_token_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    for name in ("none", "empty"):
        with pytest.raises(UsageError) as caught:
            secret_in(str(tmp_path / name))
        assert caught.value.code == "E1353"
