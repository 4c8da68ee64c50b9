"""A stranger judges the events of a proof pack by what it shows, and is told what that leaves open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, VOTE, World, id_of, lie
from tests.unit.app.units import CORRELATION, RULE, request_of, seal, write_logs

from hisn.app.evidence_pack import PackRequest, batches_of, find_finding, make_pack
from hisn.app.partial import PartlyRechecked, recheck_shown
from hisn.app.rejudge import Reason
from hisn.app.reopen import own_act
from hisn.app.wiring import load_rule_pack
from hisn.errors import StorageError, VerificationError
from hisn.events.declare import Declarations
from hisn.events.schema import Declaration


def packed(unit: World, path: Path, *show: str, source: str = VOTE, whole: bool = False) -> Path:
    with unit.open(EAST) as (east,):
        made = make_pack(east, PackRequest(finding=id_of(east, source), show=show, whole=whole))
    path.write_bytes(made.data)
    return path


def told(unit: World, path: Path) -> PartlyRechecked:
    with unit.open(EAST) as (east,):
        genesis = east.charter.genesis
    return recheck_shown(path, unit.rules, genesis)


def answers(done: PartlyRechecked) -> list[tuple[bool | None, tuple[str, ...]]]:
    return [(each.holds, each.needs) for each in done.told]


def test_with_the_field_shown_the_rule_holds(unit: World, tmp_path: Path) -> None:
    done = told(unit, packed(unit, tmp_path / "f", "cs-uri-query"))
    assert answers(done) == [(True, ()), (True, ())]
    assert [(each.index, each.record) for each in done.told] == [(0, 1), (2, 3)]
    assert (done.others, done.reason, done.is_witnessed) == (0, None, True)


def test_with_the_field_hidden_it_says_which_it_would_take(unit: World, tmp_path: Path) -> None:
    done = told(unit, packed(unit, tmp_path / "f", "cs-method"))
    assert answers(done) == [(None, ("cs-uri-query",))] * 2


def test_an_event_that_the_rule_does_not_hit_is_found_out(unit: World, tmp_path: Path) -> None:
    """The owner names an event beside those that the rule has hit, and shows it, too."""
    with unit.open(EAST) as (east,):
        ((leaf, root, _events),) = batches_of(own_act(east, find_finding(east, id_of(east, VOTE))))
        lie(unit, east, VOTE, {"batches": ((leaf, root, (0, 1, 2)),)})
    done = told(unit, packed(unit, tmp_path / "f", "cs-uri-query"))
    assert [holds for holds, _ in answers(done)] == [True, False, True]


def test_events_that_are_not_shown_are_counted(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        made = make_pack(east, PackRequest(finding=id_of(east, VOTE), show=("cs-uri-query",), most=1))
    (tmp_path / "f").write_bytes(made.data)
    assert told(unit, tmp_path / "f").others == 1


def test_whole_records_of_sources_sealed_whole_cannot_be_told(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        seal(east, request_of(unit.rule, write_logs(tmp_path / "w", whole=["/?marked"])), "whole")
        unit.publish(east)
    done = told(unit, packed(unit, tmp_path / "f", source="whole.log", whole=True))
    assert answers(done) == [(None, ("_raw",))]


def test_a_declared_asset_hides_how_the_records_are_read(unit: World, tmp_path: Path) -> None:
    """Where the declaration names the asset it is not shown, and the rule's log source stays open."""
    logs = tmp_path / "w"
    logs.mkdir()
    (logs / "events.jsonl").write_text('{"message":"x","cs-uri-query":"marked","n":1}\n' * 2)
    named = Declarations(default=Declaration(asset="ems-01", categories=frozenset({"webserver"})))
    plain = Declarations(default=Declaration(categories=frozenset({"webserver"})))
    for declarations, expected in ((named, (None, ("declaration",))), (plain, (True, ()))):
        with unit.open(EAST) as (east,):
            seal(east, request_of(unit.rule, logs, declarations=declarations))
            unit.publish(east)
        done = told(unit, packed(unit, tmp_path / "f", "cs-uri-query", source="events.jsonl"))
        assert answers(done) == [expected] * 2


def test_keywords_need_the_record_itself(unit: World, tmp_path: Path) -> None:
    rule = tmp_path / "keyword.yml"
    rule.write_text(
        unit.rule.read_text()
        .replace("selection:\n        cs-uri-query|contains: marked", "keywords:\n        - curl")
        .replace("condition: selection", "condition: keywords")
    )
    with unit.open(EAST) as (east,):
        seal(east, request_of(rule, write_logs(tmp_path / "w", key=["/"])))
        unit.publish(east)
    mine = replace(unit, rule=rule)
    hidden = told(mine, packed(unit, tmp_path / "a", source="key.log"))
    assert "_raw" in hidden.told[0].needs
    shown = told(mine, packed(unit, tmp_path / "b", source="key.log", whole=True))
    assert answers(shown) == [(True, ())]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"engine": "9.9.9"}, Reason.ENGINE),
        ({"mapping": "0" * 64}, Reason.MAPPING),
        ({"rule_digest": "0" * 64}, Reason.RULE),
    ],
)
def test_what_cannot_be_compared_is_not_judged(
    unit: World, tmp_path: Path, changes: dict[str, str], reason: Reason
) -> None:
    with unit.open(EAST) as (east,):
        lie(unit, east, VOTE, changes)
    done = told(unit, packed(unit, tmp_path / "f", "cs-uri-query"))
    assert (done.reason, done.told) == (reason, ())


def test_a_pack_that_does_not_verify_is_not_judged(unit: World, tmp_path: Path) -> None:
    path = packed(unit, tmp_path / "f", "cs-uri-query")
    with pytest.raises(VerificationError) as caught:
        recheck_shown(path, unit.rules, bytes(32))
    assert caught.value.code == "E3384"


def test_a_pack_that_hides_its_rule_is_not_judged(
    unit: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hisn.app.evidence_pack.SHOWN_OF_FINDING", ("id", "batches"))
    path = packed(unit, tmp_path / "f", "cs-uri-query")
    with pytest.raises(VerificationError) as caught:
        told(unit, path)
    assert caught.value.code == "E3385"


def test_a_pack_that_is_not_there_is_said_so(unit: World, tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        told(unit, tmp_path / "missing")


def test_of_a_correlation_each_event_is_judged_by_the_rules_it_rests_on(unit: World, tmp_path: Path) -> None:
    """Whether the events are enough and belong together, a pack cannot tell, and says so."""
    (tmp_path / "c.yml").write_text(RULE + CORRELATION)
    logs = write_logs(tmp_path / "logs", one=["/?marked"], two=["/?marked", "/", "/?marked"])
    with unit.open(EAST) as (east,):
        (finding,) = seal(east, request_of(tmp_path / "c.yml", logs)).findings
        unit.publish(east)
        genesis = east.charter.genesis
        for name, show in (("f", ("cs-uri-query",)), ("g", ("c-ip",))):
            data = make_pack(east, PackRequest(finding=finding.id, show=show)).data
            (tmp_path / name).write_bytes(data)
    rules = load_rule_pack((tmp_path / "c.yml",), None)
    done = recheck_shown(tmp_path / "f", rules, genesis)
    assert answers(done) == [(True, ())] * 3
    assert done.is_correlation
    hidden = recheck_shown(tmp_path / "g", rules, genesis)
    assert answers(hidden) == [(None, ("cs-uri-query",))] * 3
    assert hidden.claim.fields["group.0.value"] == "203.0.113.7"
    assert "group.0.value" not in done.claim.fields
