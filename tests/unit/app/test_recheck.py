"""A member finds another's finding again; one that lies comes out different, one of another make not at all."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, NORTH, VOTE, World, act_of, disclosed, id_of, lie
from tests.unit.app.units import CORRELATION, RULE, alone, request_of, seal, write_logs

from hisn.app.disclose import disclose
from hisn.app.evidence_pack import PackRequest, batches_of, find_finding, make_pack
from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.pack_parts import covering_head, pack_act, trust_of, verified
from hisn.app.recheck import Rechecked, recheck
from hisn.app.rejudge import Difference, Outcome, Reason
from hisn.app.reopen import own_act
from hisn.app.wiring import load_rule_pack
from hisn.core.instant import Instant
from hisn.engine.scan import Window
from hisn.errors import StorageError, VerificationError
from hisn.evidence.disclosure import Value
from hisn.evidence.packing import PackParts
from hisn.rules.pack import Pack
from hisn.verify.steps import Result


def by_north(unit: World, path: Path) -> Rechecked:
    with unit.open(NORTH) as (north,):
        return recheck(north, path, unit.rules)


def fields_of(rechecked: Rechecked) -> list[str]:
    return [each.field for each in rechecked.verdict.differences]


def test_an_honest_finding_comes_out_the_same(unit: World, tmp_path: Path) -> None:
    done = by_north(unit, disclosed(unit, tmp_path / "f.evdata"))
    assert (done.verdict.outcome, done.verdict.differences) == (Outcome.SAME, ())
    assert (done.files, done.is_witnessed) == ((VOTE,), True)
    assert (done.stated.place.origin, done.stated.head.origin) == (EAST, EAST)


def test_no_clear_copy_stays_behind(unit: World, tmp_path: Path) -> None:
    by_north(unit, disclosed(unit, tmp_path / "f.evdata"))
    left = [path for path in (unit.roots[NORTH] / "state" / "intake").rglob("*") if path.name != "lock"]
    assert left == []


LIES: list[tuple[dict[str, Value], list[str]]] = [
    ({"count": 3}, ["count"]),
    ({"level": "critical"}, ["level"]),
    ({"first": "2026-11-03T19:00:00.000000Z"}, ["first"]),
    ({"sentence": "Seen 2 times."}, ["sentence"]),
    ({"why.0.value": "the county clerk"}, ["why.0.value"]),
    ({"why.1.field": "invented"}, ["why.1.field"]),
    ({"asset": "somebody-else"}, ["asset"]),
    ({"source": "registry.log"}, ["source"]),
    ({"title": "Ballots were stuffed"}, ["title"]),
    ({"note": "something more"}, ["note"]),
]


@pytest.mark.parametrize(("changes", "expected"), LIES)
def test_a_lying_finding_comes_out_different(
    unit: World, tmp_path: Path, changes: dict[str, Value], expected: list[str]
) -> None:
    with unit.open(EAST) as (east,):
        disclose(east, lie(unit, east, VOTE, changes), tmp_path / "f.evdata")
    done = by_north(unit, tmp_path / "f.evdata")
    assert done.verdict.outcome is Outcome.DIFFERENT
    assert fields_of(done) == expected
    (difference,) = done.verdict.differences
    assert difference.expected == next(iter(changes.values()))


def batch_of(node: Node, source: str = VOTE) -> tuple[int, str, tuple[int, ...]]:
    """Return entry, root and events of the one batch that the newest finding in a source rests on."""
    (named,) = batches_of(own_act(node, find_finding(node, id_of(node, source))))
    return named


def batches_with(unit: World, change: Callable[[tuple[int, ...]], tuple[int, ...]]) -> dict[str, Value]:
    with unit.open(EAST) as (east,):
        leaf, root, events = batch_of(east)
    return {"batches": ((leaf, root, change(events)),)}


def test_an_event_that_was_added_comes_out_different(unit: World, tmp_path: Path) -> None:
    changes = batches_with(unit, lambda events: (events[0], 1, *events[1:]))
    with unit.open(EAST) as (east,):
        disclose(east, lie(unit, east, VOTE, changes), tmp_path / "f.evdata")
    done = by_north(unit, tmp_path / "f.evdata")
    assert done.verdict.outcome is Outcome.DIFFERENT
    (difference,) = done.verdict.differences
    assert (difference.expected, difference.got) == ((0, 1, 2), (0, 2))


def test_an_event_that_was_left_out_comes_out_different(unit: World, tmp_path: Path) -> None:
    changes = batches_with(unit, lambda events: events[:1])
    with unit.open(EAST) as (east,):
        disclose(east, lie(unit, east, VOTE, changes), tmp_path / "f.evdata")
    assert by_north(unit, tmp_path / "f.evdata").verdict.outcome is Outcome.DIFFERENT


def test_a_finding_on_records_that_the_rule_does_not_hit_is_not_found(unit: World, tmp_path: Path) -> None:
    changes = batches_with(unit, lambda _events: (1,))
    with unit.open(EAST) as (east,):
        finding = lie(unit, east, VOTE, {"id": "f-" + "0" * 32, **changes})
        disclose(east, finding, tmp_path / "f.evdata")
    done = by_north(unit, tmp_path / "f.evdata")
    assert done.verdict.differences == (Difference("id", finding, None),)


def test_another_rule_than_the_one_that_is_named_comes_out_different(unit: World, tmp_path: Path) -> None:
    """The owner names a rule that everybody trusts, and means one of his own."""
    other = tmp_path / "rules" / "other.yml"
    other.parent.mkdir()
    other.write_text(
        RULE.replace("0001", "0002").replace("marked", "/").replace("cs-uri-query", "cs-uri-stem")
    )
    trusted = unit.rules.rules[0]
    with unit.open(EAST) as (east,):
        seal(east, request_of(other, write_logs(tmp_path / "more", more=["/a", "/b"])))
        disclose(
            east,
            lie(unit, east, "more.log", {"rule_digest": trusted.digest, "rule_id": trusted.id}),
            tmp_path / "f.evdata",
        )
    assert by_north(unit, tmp_path / "f.evdata").verdict.outcome is Outcome.DIFFERENT


def test_a_root_of_other_events_than_the_file_holds_comes_out_different(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        fields = act_of(east, find_finding(east, id_of(east, VOTE)))
        leaf, _root, events = batch_of(east)
        public = {**own_act(east, leaf).statement.public, "root": "11" * 32}
        (place,) = east.member.record([Draft(kind="batch", public=public, sealed=act_of(east, leaf))])
        fields["batches"] = ((place.index, "11" * 32, events),)
        east.member.record([Draft(kind="finding", sealed=fields)])
        unit.publish(east)
        disclose(east, str(fields["id"]), tmp_path / "f.evdata")
    done = by_north(unit, tmp_path / "f.evdata")
    assert done.verdict.outcome is Outcome.DIFFERENT
    (difference,) = done.verdict.differences
    assert difference.field == f"batches.{place.index}.root"
    assert difference.expected == "11" * 32
    assert difference.got != difference.expected


INCOMPARABLE: list[tuple[dict[str, Value], Reason]] = [
    ({"engine": "9.9.9"}, Reason.ENGINE),
    ({"mapping": "00" * 32}, Reason.MAPPING),
    ({"rule_digest": "00" * 32}, Reason.RULE),
]


@pytest.mark.parametrize(("changes", "reason"), INCOMPARABLE)
def test_another_version_mapping_or_unknown_rule_is_no_dissent(
    unit: World, tmp_path: Path, changes: dict[str, Value], reason: Reason
) -> None:
    with unit.open(EAST) as (east,):
        disclose(east, lie(unit, east, VOTE, changes), tmp_path / "f.evdata")
    verdict = by_north(unit, tmp_path / "f.evdata").verdict
    assert (verdict.outcome, verdict.reason) == (Outcome.INCOMPARABLE, reason)


def test_the_receiver_judges_by_his_own_rules_and_not_by_the_senders(unit: World, tmp_path: Path) -> None:
    path = disclosed(unit, tmp_path / "f.evdata")
    with unit.open(NORTH) as (north,):
        done = recheck(north, path, load_rule_pack((), None))
    assert done.verdict.reason is Reason.RULE


def test_what_was_judged_in_a_window_is_judged_in_it_again(unit: World, tmp_path: Path) -> None:
    window = Window(end=Instant(1_793_736_061_000_000))
    with unit.open(EAST) as (east,):
        logs = write_logs(tmp_path / "w", windowed=["/?marked", "/?marked", "/?marked"])
        seal(east, request_of(unit.rule, logs, window=window))
        unit.publish(east)
        fields = act_of(east, find_finding(east, id_of(east, "windowed.log")))
        disclose(east, str(fields["id"]), tmp_path / "f.evdata")
    assert (fields["count"], fields["window"]) == (2, (None, window.end))
    assert by_north(unit, tmp_path / "f.evdata").verdict.outcome is Outcome.SAME


def test_a_source_sealed_as_whole_records_is_rechecked_as_well(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        logs = write_logs(tmp_path / "w", whole=["/", "/?marked"])
        seal(east, request_of(unit.rule, logs), "whole")
        unit.publish(east)
        disclose(east, id_of(east, "whole.log"), tmp_path / "f.evdata")
    assert by_north(unit, tmp_path / "f.evdata").verdict.outcome is Outcome.SAME


def test_what_no_quorum_has_seen_is_rechecked_and_said_so(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        seal(east, request_of(unit.rule, write_logs(tmp_path / "w", late=["/?marked"])))
        disclose(east, id_of(east, "late.log"), tmp_path / "f.evdata", unwitnessed=True)
    done = by_north(unit, tmp_path / "f.evdata")
    assert done.verdict.outcome is Outcome.SAME
    assert (done.is_witnessed, done.report.result) == (False, Result.VALID_UNWITNESSED)


def test_a_finding_of_another_unit_is_refused(unit: World, tmp_path: Path) -> None:
    path = disclosed(unit, tmp_path / "f.evdata")
    with (
        alone(tmp_path / "stranger", "stranger.example") as stranger,
        pytest.raises(VerificationError) as caught,
    ):
        recheck(stranger, path, unit.rules)
    assert caught.value.code == "E3384"


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Let somebody on the way change the file."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    path.write_bytes(stream.getvalue())
    return path


def raw_of(files: dict[str, bytes]) -> str:
    return next(name for name in files if name.startswith("raw/"))


def drop_raw(files: dict[str, bytes]) -> None:
    del files[raw_of(files)]


def drop_keys(files: dict[str, bytes]) -> None:
    files["keys.json"] = b"{}"


def flip_raw(files: dict[str, bytes]) -> None:
    name = raw_of(files)
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])


def cut_raw(files: dict[str, bytes]) -> None:
    name = raw_of(files)
    files[name] = files[name][:-20]


def swap_key(files: dict[str, bytes]) -> None:
    keys = json.loads(files["keys.json"])
    files["keys.json"] = json.dumps(dict.fromkeys(keys, "00" * 32), separators=(",", ":")).encode()


def flip_pack(files: dict[str, bytes]) -> None:
    pack = bytearray(files["f.evpack"])
    pack[len(pack) // 2] ^= 1
    files["f.evpack"] = bytes(pack)


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (drop_raw, {"E3385"}),
        (drop_keys, {"E3385"}),
        (flip_raw, {"E3344"}),
        (cut_raw, {"E3344"}),
        (swap_key, {"E3386"}),
        (flip_pack, {"E3361", "E3362", "E3384"}),
    ],
)
def test_a_file_changed_on_the_way_is_no_dissent_and_no_recheck(
    unit: World, tmp_path: Path, change: Callable[[dict[str, bytes]], None], codes: set[str]
) -> None:
    path = rewritten(disclosed(unit, tmp_path / "f.evdata"), change)
    with pytest.raises(VerificationError) as caught:
        by_north(unit, path)
    assert caught.value.code in codes


def test_an_ordinary_pack_hides_too_much_for_it(unit: World, tmp_path: Path) -> None:
    path = disclosed(unit, tmp_path / "f.evdata")
    with unit.open(EAST) as (east,):
        packed = make_pack(east, PackRequest(finding=id_of(east, VOTE)))
    rewritten(path, lambda files: files.update({"f.evpack": packed.data}))
    with pytest.raises(VerificationError) as caught:
        by_north(unit, path)
    assert caught.value.code == "E3385"


def test_a_pack_without_a_batch_that_the_finding_names_is_refused(unit: World, tmp_path: Path) -> None:
    """Fewer batches would be fewer hits: the finding must not look better or worse than it is."""
    path = disclosed(unit, tmp_path / "f.evdata")
    with unit.open(EAST) as (east,):
        stated = own_act(east, find_finding(east, id_of(east, VOTE)))
        assert stated.opened is not None
        head = covering_head(east, stated.place.index)
        act = pack_act(east, head, stated, stated.opened.names)
        data, _ = verified(east, PackParts(trust=trust_of(east, head.raw), acts=[act], finding=0))
    rewritten(path, lambda files: files.update({"f.evpack": data}))
    with pytest.raises(VerificationError) as caught:
        by_north(unit, path)
    assert caught.value.code == "E3385"


def test_a_file_that_is_not_there_is_said_so(unit: World, tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        by_north(unit, tmp_path / "missing.evdata")


def correlated(unit: World, folder: Path, change: Callable[[str], str] = str) -> tuple[str, Pack]:
    """Let EAST state what a correlation found in two of three logs; return its id, and the rules."""
    folder.mkdir(exist_ok=True)
    (folder / "c.yml").write_text(RULE + change(CORRELATION))
    logs = write_logs(folder / "logs", one=["/", "/?marked"], two=["/?marked", "/", "/?marked"], six=["/"])
    with unit.open(EAST) as (east,):
        result = seal(east, request_of(folder / "c.yml", logs))
        unit.publish(east)
    (finding,) = result.findings
    assert [part.source for part in finding.evidence] == ["one.log", "two.log"]
    return finding.id, load_rule_pack((folder / "c.yml",), None)


def test_a_finding_of_a_correlation_names_the_batches_of_all_its_sources(unit: World, tmp_path: Path) -> None:
    finding, rules = correlated(unit, tmp_path / "c")
    with unit.open(EAST) as (east,):
        act = own_act(east, find_finding(east, finding))
        assert [events for _leaf, _root, events in batches_of(act)] == [(1,), (0, 2)]
        rule = rules.rules[0].id
        assert act.field("evidence") == (("one.log", rule, "true"), ("two.log", rule, "true"))
        assert (act.field("group.0.field"), act.field("group.0.value")) == ("c-ip", "203.0.113.7")


def test_a_finding_of_a_correlation_comes_out_the_same(unit: World, tmp_path: Path) -> None:
    finding, rules = correlated(unit, tmp_path / "c")
    with unit.open(EAST) as (east,):
        disclose(east, finding, tmp_path / "f.evdata")
    with unit.open(NORTH) as (north,):
        done = recheck(north, tmp_path / "f.evdata", rules)
        without = recheck(north, tmp_path / "f.evdata", unit.rules)
    assert (done.verdict.outcome, done.verdict.differences) == (Outcome.SAME, ())
    assert done.files == ("one.log", "two.log")
    assert without.verdict.reason is Reason.RULE


@pytest.mark.parametrize(
    "changes", [{"count": 4}, {"group.0.value": "203.0.113.8"}, {"evidence": (("one.log", "x", "true"),)}]
)
def test_a_lie_about_a_correlation_comes_out_different(
    unit: World, tmp_path: Path, changes: dict[str, Value]
) -> None:
    finding, rules = correlated(unit, tmp_path / "c")
    with unit.open(EAST) as (east,):
        fields = act_of(east, find_finding(east, finding)) | changes | {"id": "f-" + "1" * 32}
        east.member.record([Draft(kind="finding", sealed=fields)])
        unit.publish(east)
        disclose(east, "f-" + "1" * 32, tmp_path / "f.evdata")
    with unit.open(NORTH) as (north,):
        done = recheck(north, tmp_path / "f.evdata", rules)
    assert done.verdict.outcome is Outcome.DIFFERENT
    assert fields_of(done) == sorted(["id", *changes])


def test_where_a_missing_record_could_decide_nothing_is_said(unit: World, tmp_path: Path) -> None:
    """Four or fewer are asked for: with a batch that the finding does not name there may be five."""
    finding, rules = correlated(unit, tmp_path / "c", lambda text: text.replace("gte: 3", "eq: 3"))
    with unit.open(EAST) as (east,):
        fields = act_of(east, find_finding(east, finding)) | {"count": 2, "id": "f-" + "1" * 32}
        east.member.record([Draft(kind="finding", sealed=fields)])
        unit.publish(east)
        disclose(east, "f-" + "1" * 32, tmp_path / "f.evdata")
        disclose(east, finding, tmp_path / "g.evdata")
    with unit.open(NORTH) as (north,):
        done = recheck(north, tmp_path / "f.evdata", rules)
        same = recheck(north, tmp_path / "g.evdata", rules)
    assert (done.verdict.outcome, done.verdict.reason) == (Outcome.INCOMPARABLE, Reason.MISSING)
    assert same.verdict.outcome is Outcome.SAME
