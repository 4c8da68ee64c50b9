from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hisn.app.demo import (
    FINDINGS,
    LOGS,
    REPORT,
    DemoResult,
    Outcome,
    declarations,
    false_alarms,
    generate_evening,
    run_demo,
    write_results,
)
from hisn.testing.evening import election_evening
from hisn.testing.generator import generate
from hisn.testing.truth import Truth, read_truth


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> DemoResult:
    folder = tmp_path_factory.mktemp("demo")
    return run_demo(folder, generate_evening(folder, 11, 4_000))


def test_everything_planted_is_found(played: DemoResult) -> None:
    missed = [check for check in played.checks if check.outcome not in (Outcome.FOUND, Outcome.BLIND)]
    assert missed == []
    assert len(played.checks) == len(played.truth.attacks) == 20


def test_ordinary_records_alone_raise_nothing_grave(played: DemoResult) -> None:
    assert played.false_alarms == ()
    assert played.is_good


def test_the_coverage_of_the_evening_is_complete(played: DemoResult) -> None:
    assert played.result.coverage.complete
    assert [source.name for source in played.result.coverage.sources] == sorted(
        source.path for source in played.truth.sources
    )


def test_the_truth_lies_beside_the_logs_and_is_not_judged(played: DemoResult) -> None:
    assert read_truth(played.folder / "truth.json") == played.truth
    assert not (played.folder / LOGS / "truth.json").exists()


def test_sources_that_do_not_name_their_host_are_declared() -> None:
    assert declarations().of("portal/access.log").asset == "portal-01"
    assert declarations().of("registry/postgresql.csv").asset == "regdb-01"
    assert declarations().of("ems/EMS-VESNA-01.jsonl").asset is None


def with_other_expectation(truth: Truth, expect: tuple[str, ...]) -> Truth:
    first, *rest = truth.attacks
    return msgspec.structs.replace(truth, attacks=(msgspec.structs.replace(first, expect=expect), *rest))


@pytest.mark.parametrize(
    ("expect", "outcome"),
    [(("db_table_destroyed",), Outcome.MISSED), (("web_sqli_union_select", "web_webshell"), Outcome.PARTLY)],
)
def test_an_attack_that_no_rule_saw_is_said_to_be_missed(
    played: DemoResult, expect: tuple[str, ...], outcome: Outcome
) -> None:
    again = run_demo(played.folder, with_other_expectation(played.truth, expect))
    assert again.checks[0].outcome is outcome
    assert not again.is_good


def test_a_grave_finding_on_ordinary_records_is_a_false_alarm(played: DemoResult) -> None:
    innocent = msgspec.structs.replace(played.truth, attacks=())
    grave = [finding for finding in played.result.findings if finding.level in ("high", "critical")]
    assert list(false_alarms(innocent, played.result.findings)) == grave


@pytest.mark.parametrize("seed", [1, 2])
def test_the_surge_alone_is_no_finding(seed: int, tmp_path: Path) -> None:
    truth = generate(election_evening(seed, 6_000, with_attacks=False), tmp_path / LOGS)
    assert run_demo(tmp_path, truth).result.findings == ()


def test_the_report_is_one_page_and_the_findings_are_json(played: DemoResult) -> None:
    write_results(played)
    assert (played.folder / REPORT).read_text("utf-8").lstrip().lower().startswith("<!doctype html>")
    assert msgspec.json.decode((played.folder / FINDINGS).read_bytes())
