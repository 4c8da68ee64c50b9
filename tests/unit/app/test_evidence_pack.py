"""A pack shows what its owner chose to show, and a stranger verifies it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, NORTH, TIME_S, VOTE, WEB, World, id_of, lie, mirror
from tests.unit.app.test_heads import grow
from tests.unit.app.units import request_of, seal, write_logs

from hisn.acts.statement import Head
from hisn.app.evidence_pack import (
    SHOWN_OF_FINDING,
    Packed,
    PackRequest,
    find_finding,
    make_pack,
)
from hisn.app.heads import MAX_HEADS, Heads
from hisn.app.home import Node
from hisn.app.partial import recheck_shown
from hisn.app.reopen import own_act
from hisn.core import limits
from hisn.errors import PolicyError, UsageError, VerificationError
from hisn.events.declare import Declarations
from hisn.events.schema import Declaration
from hisn.evidence.disclosure import Value
from hisn.evidence.pack import parse_pack, write_pack
from hisn.verify.check import verify_pack
from hisn.verify.plain import plain_text
from hisn.verify.steps import Result, Shown


def pack(node: Node, source: str = VOTE, **more: object) -> Packed:
    return make_pack(node, PackRequest(finding=id_of(node, source), **more))  # type: ignore[arg-type]


def shown(made: Packed) -> Shown:
    if made.report.shown is None:
        raise AssertionError("nothing is shown")
    return made.report.shown


def fields(made: Packed) -> list[dict[str, Value]]:
    return [dict(event.fields) for event in shown(made).events]


def test_without_any_wish_no_value_of_a_record_is_shown(unit: World) -> None:
    with unit.open(EAST) as (east,):
        made = pack(east)
        genesis = east.charter.genesis
    assert verify_pack(made.data, genesis=genesis).result is Result.VALID
    assert fields(made) == [{"_record": 1}, {"_record": 3}]
    assert set(shown(made).finding) == set(SHOWN_OF_FINDING)
    for secret in (b"203.0.113.7", b"marked", b"curl", b"vote.log"):
        assert secret not in made.data


def test_fields_of_events_and_of_the_finding_are_shown_by_name(unit: World) -> None:
    with unit.open(EAST) as (east,):
        made = pack(east, show=("cs-method", "source", "nowhere"))
    assert fields(made)[0] == {"_record": 1, "cs-method": "GET"}
    assert shown(made).finding["source"] == VOTE
    assert made.unknown == ("nowhere",)


def test_a_reason_is_shown_with_the_field_that_it_is_about(unit: World) -> None:
    """Its value is that field's: hidden with it, shown with it."""
    with unit.open(EAST) as (east,):
        hidden, open_ = pack(east), pack(east, show=("cs-uri-query",))
    assert not any(name.startswith("why.") for name in shown(hidden).finding)
    assert shown(open_).finding["why.0.field"] == "cs-uri-query"
    assert "why.0.value" in shown(open_).finding


def test_a_name_that_rules_use_shows_the_field_that_the_record_has(unit: World, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "w.jsonl").write_text(
        '{"EventID":4688,"Channel":"Security","Provider_Name":"Microsoft-Windows-Security-Auditing",'
        '"NewProcessName":"C:\\\\marked.exe","CommandLine":"x"}\n'
    )
    rule = tmp_path / "rule.yml"
    rule.write_text(
        unit.rule.read_text()
        .replace("category: webserver", "product: windows")
        .replace("cs-uri-query", "Image")
    )
    with unit.open(EAST) as (east,):
        seal(east, request_of(rule, logs))
        unit.publish(east)
        made = pack(east, "w.jsonl", show=("Image",))
    assert fields(made) == [{"_record": 1, "NewProcessName": "C:\\marked.exe"}]


def test_chosen_records_are_shown_and_the_rest_is_counted(unit: World) -> None:
    with unit.open(EAST) as (east,):
        made = pack(east, records=(3, 99))
        most = pack(east, most=1)
        none = pack(east, most=0)
        with pytest.raises(UsageError) as caught:
            pack(east, records=(2,))
    assert caught.value.code == "E1311"
    assert (fields(made), made.left_out) == ([{"_record": 3}], 1)
    assert (fields(most), most.left_out) == ([{"_record": 1}], 1)
    assert (fields(none), none.left_out) == ([], 2)


def test_a_whole_record_is_shown_beside_its_fields(unit: World) -> None:
    with unit.open(EAST) as (east,):
        made = pack(east, most=1, whole=True)
    (event,) = shown(made).events
    assert event.record is not None
    assert event.record.startswith(b"203.0.113.7 - - ")
    assert "_raw" in event.fields


def test_sources_sealed_whole_show_whole_records_only(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        seal(east, request_of(unit.rule, write_logs(tmp_path / "w", whole=["/?marked"])), "whole")
        unit.publish(east)
        with pytest.raises(UsageError) as caught:
            pack(east, "whole.log", show=("cs-method",))
        made = pack(east, "whole.log", whole=True, show=("cs-method",))
    assert caught.value.code == "E1312"
    (event,) = shown(made).events
    assert (dict(event.fields), event.record is not None) == ({}, True)


def test_a_fields_own_name_does_not_pass_for_one_that_sealing_adds(unit: World, tmp_path: Path) -> None:
    """A log writes a field `_time` of its own: it is shown under another name than ours."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "own.jsonl").write_text('{"_time":"a lie","cs-uri-query":"marked"}\n')
    rule = tmp_path / "any.yml"
    rule.write_text(unit.rule.read_text().replace("category: webserver", "product: hostile"))
    declared = Declarations(default=Declaration(products=frozenset({"hostile"})))
    with unit.open(EAST) as (east,):
        seal(east, request_of(rule, logs, declarations=declared))
        unit.publish(east)
        made = pack(east, "own.jsonl", show=("_time",))
    assert fields(made) == [{"_record": 1, "__time": "a lie"}]


def test_what_no_quorum_has_seen_stays_in_the_house(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        seal(east, request_of(unit.rule, write_logs(tmp_path / "w", late=["/?marked"])))
        with pytest.raises(PolicyError):
            pack(east, "late.log")
        assert pack(east, "late.log", unwitnessed=True).report.result is Result.VALID_UNWITNESSED


def test_findings_are_named_by_the_beginning_of_their_id(unit: World) -> None:
    with unit.open(EAST) as (east,):
        finding = id_of(east, WEB)
        place = find_finding(east, finding)
        assert find_finding(east, finding[:12]) == find_finding(east, finding.removeprefix("f-")) == place
        for wrong in ("f-", "f-zz", "f-%", "f-_"):
            with pytest.raises(UsageError) as caught:
                find_finding(east, wrong)
            assert caught.value.code == "E1310"


def test_of_a_finding_stated_twice_the_newer_act_counts(unit: World) -> None:
    with unit.open(EAST) as (east,):
        old = find_finding(east, id_of(east, VOTE))
        lie(unit, east, VOTE, {})
        assert find_finding(east, id_of(east, VOTE)) > old


def test_a_list_of_batches_in_another_form_is_refused(unit: World) -> None:
    with unit.open(EAST) as (east,):
        lie(unit, east, VOTE, {"batches": (("x", 1),)})
        with pytest.raises(VerificationError) as caught:
            pack(east)
        assert caught.value.code == "E3513"


def test_a_token_is_asked_for_over_the_findings_act(unit: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[bytes, str]] = []

    def answer(leaf: bytes, url: str) -> bytes:
        asked.append((leaf, url))
        return b"token"

    monkeypatch.setattr("hisn.app.evidence_pack.ask_for_token", answer)
    with unit.open(EAST) as (east,):
        made = pack(east, timestamp_url="https://tsa.example/")
        leaf = own_act(east, find_finding(east, id_of(east, VOTE))).leaf
    assert asked == [(leaf, "https://tsa.example/")]
    assert shown(made).tokens == 1


def seen_and_sealed(unit: World, folder: Path) -> Head:
    """Let EAST see NORTH's published log, then seal, and publish; return what it had seen."""
    with unit.open(EAST, NORTH) as (east, north):
        unit.publish(north)
        mirror(north, east)
        seal(east, request_of(unit.rule, write_logs(folder, late=["/?marked"])))
        unit.publish(east, TIME_S + 60)
        head = north.log.head().checkpoint
        return Head(head.origin, head.size, head.root)


def test_a_finding_is_dated_from_below_by_what_its_author_had_seen(unit: World, tmp_path: Path) -> None:
    head = seen_and_sealed(unit, tmp_path / "w")
    with unit.open(EAST) as (east,):
        made = pack(east, "late.log")
        plain = pack(east, VOTE)
    assert made.report.result is Result.VALID
    assert [act.after for act in shown(made).acts] == [((NORTH, head.size, TIME_S),)] * 2
    assert "was made after its author had seen north.example" in plain_text(made.report)
    assert [act.after for act in shown(plain).acts] == [(), ()]


def test_the_lower_bound_stays_when_the_log_that_was_cited_goes_on(unit: World, tmp_path: Path) -> None:
    head = seen_and_sealed(unit, tmp_path / "w")
    with unit.open(EAST, NORTH) as (east, north):
        for _ in range(MAX_HEADS + 1):
            Heads(east).keep(grow(unit, north))
        made = pack(east, "late.log")
    assert shown(made).acts[0].after == ((NORTH, head.size, TIME_S),)


@pytest.fixture(scope="module")
def long_unit(sealed_unit: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a unit of which EAST has sealed a log in several batches; the tenth and last requests hit."""
    folder = tmp_path_factory.mktemp("long")
    made = sealed_unit.copy(folder / "unit")
    targets = ["/?marked" if at in (10, 40) else f"/{at}" for at in range(1, 41)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "CHUNK_BYTES", 250)
        patch.setattr(limits, "SEALED_CHUNKS", 2)
        patch.setattr(limits, "RANGE_BYTES", 2_000)
        with made.open(EAST) as (east,):
            seal(east, request_of(made.rule, write_logs(folder / "logs", long=targets), processes=2))
            made.publish(east)
    return made


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read files as the long log was read."""
    monkeypatch.setattr(limits, "CHUNK_BYTES", 250)
    monkeypatch.setattr(limits, "SEALED_CHUNKS", 2)
    monkeypatch.setattr(limits, "RANGE_BYTES", 2_000)


def around(made: Packed) -> list[tuple[int, bool]]:
    """Return record numbers of the events, and whether they are context."""
    return [(int(str(event.fields["_record"])), event.is_context) for event in shown(made).events]


@pytest.mark.usefixtures("small_chunks")
def test_what_happened_just_before_and_after_is_shown_across_batches(long_unit: World) -> None:
    with long_unit.open(EAST) as (east,):
        made = pack(east, "long.log", context=7, show=("cs-uri-query",), show_context=("cs-method",))
        one = pack(east, "long.log", context=1, most=1)
    assert made.report.result is Result.VALID
    before, after = [(at, True) for at in range(3, 10)], [(at, True) for at in range(11, 18)]
    last = [(at, True) for at in range(33, 40)]
    assert around(made) == [*before, (10, False), *after, *last, (40, False)]
    assert len(shown(made).batches) > 3
    assert (made.context, made.left_out) == (21, 0)
    assert {frozenset(event.fields) for event in shown(made).events} == {
        frozenset({"_record", "cs-uri-query"}),
        frozenset({"_record", "cs-method"}),
    }
    assert (around(one), one.left_out) == ([(9, True), (10, False), (11, True)], 1)


@pytest.mark.usefixtures("small_chunks")
def test_with_the_whole_batch_nothing_of_it_is_withheld(long_unit: World) -> None:
    with long_unit.open(EAST) as (east,):
        made = pack(east, "long.log", whole_batch=True, most=1)
        genesis = east.charter.genesis
    (batch,) = shown(made).batches
    assert len(shown(made).events) == batch.count > 1
    assert [said.code for said in made.report.proven if said.code == "whole-batch"] == ["whole-batch"]
    assert [event.is_context for event in shown(made).events].count(False) == 1
    files = parse_pack(made.data)
    last = max(name for name in files if name.startswith("events/"))
    withheld = write_pack({name: data for name, data in files.items() if name != last})
    report = verify_pack(withheld, genesis=genesis)
    assert "whole-batch" not in [said.code for said in report.proven]
    assert "other-events" in [said.code for said in report.not_proven]


@pytest.mark.usefixtures("small_chunks")
def test_context_is_not_judged_as_what_the_finding_says(long_unit: World, tmp_path: Path) -> None:
    with long_unit.open(EAST) as (east,):
        made = pack(east, "long.log", context=1, show=("cs-uri-query",))
        genesis = east.charter.genesis
    (tmp_path / "f").write_bytes(made.data)
    done = recheck_shown(tmp_path / "f", long_unit.rules, genesis)
    assert [(each.record, each.holds) for each in done.told] == [(10, True), (40, True)]


def test_of_whole_records_context_is_shown_only_if_records_are_asked_for(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        seal(east, request_of(unit.rule, write_logs(tmp_path / "w", whole=["/", "/?marked"])), "whole")
        unit.publish(east)
        with pytest.raises(UsageError) as caught:
            pack(east, "whole.log", context=1)
        made = pack(east, "whole.log", context=1, whole=True)
    assert caught.value.code == "E1312"
    assert [(event.index, event.is_context) for event in shown(made).events] == [(0, True), (1, False)]


def test_whole_records_are_shown_of_named_events_alone(unit: World) -> None:
    with unit.open(EAST) as (east,):
        made = pack(east, context=1, whole=True)
    assert [event.record is not None for event in shown(made).events] == [True, False, True]


@pytest.mark.parametrize(
    ("name", "cap"), [("evidence_pack.MAX_PACK_NUMBER", 2), ("pack_parts.MAX_PACK_BYTES", 2_000)]
)
def test_what_is_more_than_a_pack_holds_is_refused(
    unit: World, monkeypatch: pytest.MonkeyPatch, name: str, cap: int
) -> None:
    monkeypatch.setattr(f"hisn.app.{name}", cap)
    with unit.open(EAST) as (east,), pytest.raises(UsageError) as caught:
        pack(east, whole_batch=True)
    assert caught.value.code == "E1323"


def test_an_unknown_name_of_context_is_told(unit: World) -> None:
    with unit.open(EAST) as (east,):
        assert pack(east, context=1, show_context=("nowhere", "cs-method")).unknown == ("nowhere",)
