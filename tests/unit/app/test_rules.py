from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from hisn.app.rules import PROVENANCE, Provenance, licence_in, load_rules, walk_rules
from hisn.core import limits
from hisn.errors import InputError
from hisn.rules.pack import PACK_MAGIC, encode_pack
from hisn.storage.files import Cache

RULE = """\
title: R
id: {id}
level: low
logsource: {{product: windows}}
detection:
    selection: {{Image: '{image}'}}
    condition: selection
"""
ONE, TWO = "929a690e-bef0-4204-a928-ef5e620d6fc1", "929a690e-bef0-4204-a928-ef5e620d6fc2"


class Memory:
    """Keep blobs and count what is asked for."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.found = 0

    def get(self, key: str) -> bytes | None:
        self.found += key in self.blobs
        return self.blobs.get(key)

    def put(self, key: str, blob: bytes) -> bool:
        self.blobs[key] = blob
        return True


def write(path: Path, text: str, age_s: float = 100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    when = time.time() - age_s
    os.utime(path, (when, when))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "rules" / "a.yml", RULE.format(id=ONE, image="a"))
    write(tmp_path / "rules" / "deep" / "b.yaml", RULE.format(id=TWO, image="b"))
    write(tmp_path / "rules" / "notes.txt", "not a rule")
    write(tmp_path / "rules" / ".hidden" / "c.yml", "not: [a rule")
    return tmp_path / "rules"


def aged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files that were just written count as settled: their ctime cannot be set back."""
    monkeypatch.setattr("hisn.app.rules._UNSETTLED_NS", -(10**12))


def test_a_folder_is_read_whole_but_for_hidden_places(folder: Path) -> None:
    pack = load_rules([folder], Memory())
    assert [rule.path for rule in pack.rules] == ["a.yml", "deep/b.yaml"]
    assert pack.refused == ()


def test_linked_folders_are_not_entered(folder: Path) -> None:
    """A link to the folder itself would be walked for ever."""
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    assert sorted(name for name, _, _ in walk_rules(str(folder))) == ["a.yml", "deep/b.yaml"]


def test_a_second_load_comes_from_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aged(monkeypatch)
    cache = Memory()
    first = load_rules([folder], cache)
    again = load_rules([folder], cache)
    assert cache.found == 1
    assert again == first


@pytest.mark.parametrize("change", ["content", "new", "gone", "renamed", "licence"])
def test_any_change_builds_again(folder: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    aged(monkeypatch)
    cache = Memory()
    before = load_rules([folder], cache)
    match change:
        case "content":
            # The same size and time: only the change time tells.
            write(folder / "a.yml", RULE.format(id=ONE, image="x"))
        case "new":
            write(folder / "z.yml", RULE.format(id=ONE, image="z"))
        case "gone":
            (folder / "a.yml").unlink()
        case "renamed":
            (folder / "a.yml").rename(folder / "y.yml")
        case _:
            write(folder / "LICENSE", "Detection Rule License (DRL) 1.1")
    after = load_rules([folder], cache)
    assert cache.found == 0
    assert after != before


def test_rules_changed_a_moment_ago_are_not_remembered(folder: Path) -> None:
    """They may change again within the same tick of the clock, and nothing would show it."""
    cache = Memory()
    write(folder / "a.yml", RULE.format(id=ONE, image="x"), age_s=0)
    load_rules([folder], cache)
    assert cache.blobs == {}


def test_a_rotten_cache_costs_time_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aged(monkeypatch)
    cache = Memory()
    first = load_rules([folder], cache)
    cache.blobs = dict.fromkeys(cache.blobs, b"rotten")
    assert load_rules([folder], cache) == first


def test_placeholders_are_part_of_what_is_remembered(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    aged(monkeypatch)
    write(folder / "a.yml", RULE.format(id=ONE, image="%x%").replace("Image", "Image|expand"))
    values = tmp_path / "values.toml"
    cache = Memory()
    values.write_text("x = '1'")
    one = load_rules([folder], cache, placeholders=values)
    values.write_text("x = '2'")
    two = load_rules([folder], cache, placeholders=values)
    assert one.digest != two.digest
    assert [entry.code for entry in load_rules([folder], cache).refused] == ["E2105"]


def test_a_pack_file_is_opened_as_it_is(folder: Path, tmp_path: Path) -> None:
    pack = load_rules([folder], Memory())
    (tmp_path / "p.pack").write_bytes(encode_pack(pack))
    assert load_rules([tmp_path / "p.pack"], Memory()) == pack


def test_several_paths_are_joined_and_named_by_their_folder(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "own" / "a.yml", RULE.format(id=TWO, image="own"))
    write(tmp_path / "single.yml", RULE.format(id=ONE, image="single"))
    pack = load_rules([folder], Memory())
    (tmp_path / "p.pack").write_bytes(encode_pack(pack))
    joined = load_rules([tmp_path / "p.pack", tmp_path / "own", tmp_path / "single.yml"], Memory())
    assert {rule.path for rule in joined.rules} == {"a.yml", "deep/b.yaml", "own/a.yml", "single.yml"}


def test_a_single_file_may_have_any_name(tmp_path: Path) -> None:
    write(tmp_path / "rule.txt", RULE.format(id=ONE, image="a"))
    assert [rule.path for rule in load_rules([tmp_path / "rule.txt"], Memory()).rules] == ["rule.txt"]


@pytest.mark.parametrize("make", ["missing", "empty", "huge pack"])
def test_paths_without_rules_are_errors(tmp_path: Path, make: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    if make == "empty":
        path.mkdir()
    if make == "huge pack":
        monkeypatch.setattr("hisn.app.rules._MAX_PACK_BYTES", 20)
        path.write_bytes(PACK_MAGIC + bytes(100))
    with pytest.raises(InputError) as caught:
        load_rules([path], Memory())
    assert caught.value.code == "E2130"


def test_a_dangling_link_is_refused_by_name(folder: Path) -> None:
    (folder / "gone.yml").symlink_to(folder / "nowhere")
    pack = load_rules([folder], Memory())
    assert [(entry.path, entry.code) for entry in pack.refused] == [("gone.yml", "E2130")]


def test_a_huge_file_is_not_read_whole(folder: Path) -> None:
    write(folder / "a.yml", "#" * (limits.MAX_RULE_BYTES + 10))
    assert [entry.code for entry in load_rules([folder], Memory()).refused] == ["E2106"]


@pytest.mark.parametrize("place", ["rules", ""])
def test_the_collections_licence_reaches_its_rules(folder: Path, place: str) -> None:
    write(folder.parent / place / "LICENSE", "Detection Rule License (DRL) 1.1\n\nPermission …")
    assert {rule.info.licence for rule in load_rules([folder], Memory()).rules} == {"DRL-1.1"}


def test_what_rules_get_noted_is_believed(folder: Path) -> None:
    note = Provenance(source="s", sha256="0", licence="DRL-1.1", files=2)
    (folder / PROVENANCE).write_bytes(msgspec.json.encode(note))
    assert {rule.info.licence for rule in load_rules([folder], Memory()).rules} == {"DRL-1.1"}


def test_licences_are_known_by_their_text() -> None:
    assert licence_in(b"# MIT License\n") == "MIT"
    assert licence_in(b"something else") == ""


def test_the_bundled_rules_are_the_default() -> None:
    pack = load_rules([], Memory())
    assert pack.name == "election"
    assert pack.refused == ()
    assert pack.notes == ()
    assert len(pack.rules) >= 25


def test_a_second_start_loads_neither_pysigma_nor_yaml(folder: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; import hisn.app.rules as rules; from hisn.storage.files import Cache\n"
        "rules._UNSETTLED_NS = -10**12\n"
        f"rules.load_rules([Path({str(folder)!r})], Cache(Path({str(tmp_path / 'cache')!r})))\n"
        "print(*sorted({'sigma', 'yaml', 're2', 'numpy'} & set(sys.modules)))"
    )
    starts = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert "sigma" in starts[0]
    assert starts[1] == []


@pytest.mark.corpus
def test_a_second_start_on_all_published_rules_is_fast(corpus: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    load_rules([corpus / "sigma"], cache)
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        pack = load_rules([corpus / "sigma"], cache)
        times.append(time.perf_counter() - begin)
    assert len(pack.rules) == 3_752
    # Measured 0.08 s.
    assert min(times) < 0.2


def test_a_placeholder_file_that_is_not_there_is_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_rules([folder], Memory(), placeholders=tmp_path / "nowhere.toml")
    assert caught.value.code == "E2105"


def test_a_folder_that_vanishes_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        list(walk_rules(str(tmp_path / "gone")))
    assert caught.value.code == "E2130"


def test_things_that_are_no_files_are_no_rules(folder: Path) -> None:
    """A named pipe called a.yml would make the reader wait for ever."""
    os.mkfifo(folder / "pipe.yml")
    assert len(load_rules([folder], Memory()).rules) == 2
