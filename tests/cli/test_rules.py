from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from hisn.cli.main import run

RULE = """\
title: Whoami
id: 929a690e-bef0-4204-a928-ef5e620d6fc1
status: test
description: Somebody asks who he is.
author: A. Uthor, B. Uthor
date: 2026-01-02
references: ['https://example.org/whoami']
tags: [attack.discovery, attack.t1033]
level: high
logsource: {product: windows, category: process_creation}
detection:
    selection:
        Image|endswith: ['\\whoami.exe', '\\w.exe']
        EventID: 4688
    parent:
        - ParentImage|re|i: 'cmd'
        - ParentImage: null
    filter:
        User|contains|cased: SYSTEM
        Ip|cidr: 10.0.0.0/8
        Ip2|fieldref: Ip
        Time|hour|gte: 8
        X|exists: true
        Y: 'a?b*c'
    keywords: ['mimi*katz']
    condition: selection and parent and not filter and keywords
falsepositives:
    - Administrators who forgot
"""
BROKEN = RULE.replace("fc1", "fc2").replace("|endswith", "|endwith")
LICENCE = "Detection Rule License (DRL) 1.1\n\nThe text of the licence.\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISN_HOME", str(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "rules"
    path.mkdir()
    (path / "whoami.yml").write_text(RULE)
    (path / "LICENSE").write_text(LICENCE)
    return path


def call(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = run([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_check_of_good_rules_is_silent_but_for_the_count(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    code, out, _ = call(capsys, "rules", "check", folder)
    assert code == 0
    assert out.startswith("1 rules to judge, 0 refused, 0 correlations, 0 notes\n")


def test_check_names_problems_with_file_and_line_and_exits_3(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "broken.yml").write_text(BROKEN)
    (folder / "odd.yml").write_text(RULE.replace("fc1", "fc3").replace("level: high", "level: hig"))
    code, out, _ = call(capsys, "rules", "check", folder)
    assert code == 3
    assert f"{folder}/broken.yml:13: refused[E2103]: unknown modifier 'endwith' (Whoami)\n" in out
    assert f"{folder}/odd.yml:9: note[E2109]: " in out


def test_check_as_json(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "broken.yml").write_text(BROKEN)
    code, out, _ = call(capsys, "rules", "check", folder, "--json")
    assert code == 3
    found = json.loads(out)
    assert (found["rules"], found["refused"][0]["line"], found["refused"][0]["code"]) == (1, 13, "E2103")


def test_hostile_titles_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "broken.yml").write_text(BROKEN.replace("title: Whoami", 'title: "\\e[2Jclean"'))
    _, out, _ = call(capsys, "rules", "check", folder)
    assert "\x1b" not in out
    assert "clean" in out


def test_a_pack_is_built_and_used_in_place_of_its_folder(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    pack = tmp_path / "all.pack"
    code, out, _ = call(capsys, "rules", "build", folder, "-o", pack)
    assert code == 0
    digest = next(line for line in out.splitlines() if line.startswith("digest: "))
    code, again, _ = call(capsys, "rules", "check", pack)
    assert code == 0
    assert digest in again
    first = pack.read_bytes()
    call(capsys, "rules", "build", folder, "-o", pack)
    assert pack.read_bytes() == first


def test_build_goes_on_and_exits_3_where_a_rule_is_refused(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    (folder / "broken.yml").write_text(BROKEN)
    code, out, _ = call(capsys, "rules", "build", folder, "-o", tmp_path / "p", "--json")
    assert code == 3
    assert json.loads(out)["rules"] == 1
    assert (tmp_path / "p").exists()


def test_placeholders_are_taken_from_a_file(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    (folder / "whoami.yml").write_text(
        RULE.replace("Image|endswith: ['\\whoami.exe', '\\w.exe']", "Host|expand: '%Servers%'")
    )
    assert call(capsys, "rules", "check", folder)[0] == 3
    (tmp_path / "p.toml").write_text('Servers = ["srv*"]\n')
    assert call(capsys, "rules", "check", folder, "--placeholders", tmp_path / "p.toml")[0] == 0


def test_get_shows_digest_and_licence_and_keeps_authors(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "rules.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.write(folder / "whoami.yml", "rules/whoami.yml")
        target.write(folder / "LICENSE", "LICENSE")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    code, out, _ = call(capsys, "rules", "get", archive, "--sha256", digest)
    assert code == 0
    assert f"SHA-256: {digest}\n" in out
    assert "DRL-1.1" in out
    assert "The text of the licence." in out
    place = tmp_path / "home" / "rules" / "sigma"
    assert f"hisn guard PATH --rules {place}" in out
    _, explained, _ = call(capsys, "rules", "explain", "Whoami", "--rules", place)
    assert "author: A. Uthor, B. Uthor" in explained
    assert "licence: DRL-1.1" in explained


def test_get_with_another_digest_ends_with_3(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    code, _, err = call(capsys, "rules", "get", folder, "--sha256", "0" * 64, "-o", tmp_path / "out")
    assert code == 3
    assert "error[E2132]" in err
    assert not (tmp_path / "out").exists()


def test_get_as_json(capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path) -> None:
    code, out, _ = call(capsys, "rules", "get", folder, "-o", tmp_path / "out", "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["files"], found["rules"], found["folder"]) == (2, 1, str(tmp_path / "out"))


EXPLAINED = """\
Whoami
  Somebody asks who he is.
  level: high
  looks at: product=windows category=process_creation
  fed by: windows
  fields: Image, EventID, ParentImage, User, Ip, Ip2, Time, X, Y
  author: A. Uthor, B. Uthor
  licence: DRL-1.1
  status: test 2026-01-02
  tags: attack.discovery, attack.t1033
  id: 929a690e-bef0-4204-a928-ef5e620d6fc1
  digest: {digest}
  file: whoami.yml:1
  looks for:
    all of these:
      Image ends with one of '\\whoami.exe', '\\w.exe'
      EventID = 4688
      at least one of these:
        ParentImage matches /cmd/i
        ParentImage is missing or null
      not:
        all of these:
          User contains 'SYSTEM' (case counts)
          Ip lies in 10.0.0.0/8
          Ip2 is the same as Ip
          the hour of Time ≥ 8
          there is a field X
          Y fits 'a?b*c'
      the record contains 'mimi*katz'
  known false alarms:
    Administrators who forgot
  read more:
    https://example.org/whoami
"""


@pytest.mark.parametrize(
    "wanted",
    ["929a690e-bef0-4204-a928-ef5e620d6fc1", "929A690E-BEF0-4204-A928-EF5E620D6FC1", "whoami.yml", "Whoami"],
)
def test_explain_says_what_a_rule_looks_for(
    capsys: pytest.CaptureFixture[str], folder: Path, wanted: str
) -> None:
    code, out, _ = call(capsys, "rules", "explain", wanted, "--rules", folder)
    assert code == 0
    assert out == EXPLAINED.format(digest=hashlib.sha256(RULE.encode()).hexdigest())


def test_explain_takes_a_file(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, _ = call(capsys, "rules", "explain", folder / "whoami.yml", "--json")
    assert code == 0
    (rule,) = json.loads(out)
    assert rule["served_by"] == ["windows"]
    assert rule["looks_for"][0] == "all of these:"
    (folder / "broken.yml").write_text(BROKEN)
    code, out, _ = call(capsys, "rules", "explain", folder / "broken.yml")
    assert code == 3
    assert "unknown modifier" in out


def test_explain_says_why_a_rule_is_not_judged(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "broken.yml").write_text(BROKEN.replace("Whoami", "Broken"))
    code, _, err = call(capsys, "rules", "explain", "Broken", "--rules", folder)
    assert code == 2
    assert "unknown modifier 'endwith'" in err


def test_explain_of_nothing_is_a_usage_error(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, _, err = call(capsys, "rules", "explain", "nobody", "--rules", folder)
    assert code == 2
    assert "error[E1042]" in err


def test_coverage_counts_by_log_source_and_attack(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    unfed = RULE.replace("fc1", "fc2").replace("windows, category: process_creation", "toaster")
    (folder / "toaster.yml").write_text(unfed)
    code, out, _ = call(capsys, "rules", "coverage", "--rules", folder)
    assert code == 0
    assert out.startswith("2 rules by 2 authors; 1 have a log source that known formats can feed\n")
    assert "      1  windows / process_creation / *  <- windows\n" in out
    assert "      1  toaster / * / *\n" in out.partition("nothing here feeds")[2]
    assert "      2  T1033\n" in out
    assert "      2  discovery\n" in out
    _, text, _ = call(capsys, "rules", "coverage", "--rules", folder, "--json")
    found = json.loads(text)
    assert (found["served"], found["levels"], found["techniques"]) == (1, {"high": 2}, {"T1033": 2})


def test_coverage_of_the_bundled_rules_needs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "rules", "coverage")
    assert code == 0
    assert "nothing here feeds" not in out


@pytest.mark.parametrize("command", ["build", "get", "check", "explain", "coverage"])
def test_help_of_each_command(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, _ = call(capsys, "rules", command, "--help")
    assert code == 0
    assert "Usage: hisn rules" in out


def test_rules_that_are_not_there_are_an_input_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = call(capsys, "rules", "check", tmp_path / "nowhere")
    assert code == 3
    assert "error[E2130]" in err


def test_every_rule_of_a_file_is_explained(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    second = (
        RULE.replace("fc1", "fc4").replace("title: Whoami", "title: Second").partition("falsepositives")[0]
    )
    (folder / "two.yml").write_text(RULE + "---\n" + second)
    code, out, _ = call(capsys, "rules", "explain", folder / "two.yml")
    assert code == 0
    assert out.startswith("Whoami\n")
    assert "\n\nSecond\n" in out


def test_long_lists_of_coverage_are_cut_and_counted(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    tags = ", ".join(f"attack.t{1_000 + number}" for number in range(20))
    (folder / "whoami.yml").write_text(RULE.replace("attack.discovery, attack.t1033", tags))
    _, out, _ = call(capsys, "rules", "coverage", "--rules", folder)
    assert "and 5 more (--all shows them)" in out
    _, out, _ = call(capsys, "rules", "coverage", "--rules", folder, "--all")
    assert "T1019" in out
    assert "more (--all" not in out


MANY = """\
title: Many asked
id: 929a690e-bef0-4204-a928-ef5e620d6fcc
level: critical
correlation:
    type: event_count
    rules: [929a690e-bef0-4204-a928-ef5e620d6fc1]
    group-by: [User]
    timespan: 90m
    condition: {gte: 3}
"""


def test_explain_says_what_a_correlation_asks_for_and_which_rule_it_silences(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "many.yml").write_text(MANY)
    code, out, _ = call(capsys, "rules", "explain", "Many asked", "--rules", folder)
    assert code == 0
    assert "  correlation: event_count\n  fields: User\n" in out
    assert out.endswith(
        "  asks for:\n"
        "    number of records ≥ 3 within 90m\n"
        "    in records that have the same User\n"
        "    it looks at what these find:\n"
        "      Whoami\n"
    )
    _, out, _ = call(capsys, "rules", "explain", "Whoami", "--rules", folder)
    assert "  heard only through: Many asked\n" in out
    _, text, _ = call(capsys, "rules", "explain", "Many asked", "--rules", folder, "--json")
    (found,) = json.loads(text)
    assert (found["kind"], found["fields"], found["heard_through"]) == ("event_count", ["User"], [])


def test_check_and_coverage_count_correlations(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "many.yml").write_text(MANY)
    code, out, _ = call(capsys, "rules", "check", folder)
    assert (code, out.splitlines()[0]) == (0, "1 rules to judge, 0 refused, 1 correlations, 0 notes")
    _, text, _ = call(capsys, "rules", "check", folder, "--json")
    assert json.loads(text)["correlations"] == [
        {"path": "many.yml", "line": 4, "id": "929a690e-bef0-4204-a928-ef5e620d6fcc", "title": "Many asked"}
    ]
    _, out, _ = call(capsys, "rules", "coverage", "--rules", folder)
    assert (
        "1 correlations; the rules of 1 of them all have such a log source; "
        "1 rules are heard through correlations alone\n"
    ) in out


def test_a_correlation_alone_in_its_file_says_which_rule_it_lacks(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "many.yml").write_text(MANY)
    code, out, _ = call(capsys, "rules", "explain", folder / "many.yml")
    assert code == 3
    assert "many.yml:6: refused[E2211]: the correlation refers to" in out


def test_a_pack_with_correlations_is_built_and_used(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    (folder / "many.yml").write_text(MANY)
    assert call(capsys, "rules", "build", folder, "-o", tmp_path / "p")[0] == 0
    _, out, _ = call(capsys, "rules", "explain", "Many asked", "--rules", tmp_path / "p")
    assert "number of records ≥ 3 within 90m" in out
