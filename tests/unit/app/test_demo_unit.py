"""The demonstration founds a real unit, and its proof holds for a stranger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.vectors.answers import say_report
from tests.vectors.node import ask_node

from hisn.app.demo import LOGS, generate_evening, run_demo
from hisn.app.demo_unit import PACK, SHOWN_FIELDS, DemoUnit, Proof, founded, nobody, prove
from hisn.app.home import open_node
from hisn.app.intake import intake_folder
from hisn.app.publish import publish
from hisn.app.sealer import seal_to
from hisn.app.verify import verify_file
from hisn.verify.plain import plain_text
from hisn.verify.steps import Result


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoUnit, Proof]:
    folder = tmp_path_factory.mktemp("demo")
    truth = generate_evening(folder, 11, 3_000)
    with founded(folder) as unit:
        with open_node(unit.home, nobody) as node:
            with intake_folder(node.places.intake) as copies:
                result = run_demo(folder, truth, None, seal_to(node, copies, "fields"))
            assert publish(node).is_published
        return folder, unit, prove(folder, unit, result.result.findings)


def test_the_proof_holds_for_a_stranger_and_is_witnessed_by_every_side(
    played: tuple[Path, DemoUnit, Proof],
) -> None:
    folder, unit, proof = played
    report = verify_file(folder / PACK, unit.genesis).report
    assert report.result is Result.VALID
    assert proof.verified.report == report
    assert report.shown is not None
    names = {each.name for each in report.shown.acts[0].witnessed.cosigners}
    assert names == {"boreas.example", "observers.example", "academy.example", "registry.example"}


@pytest.mark.needs("node")
def test_the_finding_is_dated_from_below_and_both_verifiers_say_so(
    played: tuple[Path, DemoUnit, Proof], tmp_path: Path
) -> None:
    folder, unit, proof = played
    report = proof.verified.report
    assert report.shown is not None
    for act in report.shown.acts:
        assert [origin for origin, _size, _time in act.after] == ["boreas.example", "observers.example"]
    assert "Act 0 (finding) was made after its author had seen boreas.example at " in plain_text(report)
    (answer,) = ask_node([(f"report:{unit.genesis}", (folder / PACK).read_bytes())], tmp_path)
    theirs, ours = json.loads(answer), say_report(report)
    assert sum(line.startswith("followed ") for line in theirs["proven"]) >= 4
    assert theirs == ours


def test_it_shows_the_fields_that_were_chosen_and_no_voter(played: tuple[Path, DemoUnit, Proof]) -> None:
    report = played[2].verified.report
    assert report.shown is not None
    assert report.shown.events
    for event in report.shown.events:
        assert set(event.fields) == {"_record", *SHOWN_FIELDS}
        assert "audit_statement" in event.hidden


def test_a_changed_copy_is_refused(played: tuple[Path, DemoUnit, Proof]) -> None:
    assert "events/0000.json" in played[2].tampered


def test_another_unit_is_not_taken_for_it(played: tuple[Path, DemoUnit, Proof]) -> None:
    assert verify_file(played[0] / PACK, "00" * 32).report.result is Result.INVALID


def test_no_copy_of_a_log_stays_behind(played: tuple[Path, DemoUnit, Proof]) -> None:
    left = (played[1].home / "state" / "intake").iterdir()
    assert [path.name for path in left] == ["lock"]
    assert (played[0] / LOGS).is_dir()
