from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hisn.testing.evening import election_evening
from hisn.testing.generator import Scenario, generate, records_of
from hisn.testing.truth import Truth


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def made(scenario: Scenario, folder: Path, block_records: int = 4_096) -> tuple[Truth, dict[str, bytes]]:
    return generate(scenario, folder, block_records), files(folder)


@pytest.mark.parametrize("seed", [0, 2026, 2**63])
def test_the_same_seed_gives_the_same_bytes_in_any_block_size(seed: int, tmp_path: Path) -> None:
    scenario = election_evening(seed, 2_000)
    truth, first = made(scenario, tmp_path / "a")
    for block in (1, 7, 100_000):
        assert made(scenario, tmp_path / str(block), block) == (truth, first)


def test_another_seed_gives_another_evening(tmp_path: Path) -> None:
    _, first = made(election_evening(1, 2_000), tmp_path / "a")
    _, second = made(election_evening(2, 2_000), tmp_path / "b")
    assert all(first[path] != second[path] for path in first)


def test_the_hash_seed_changes_nothing(tmp_path: Path) -> None:
    made_by = []
    for hash_seed in ("0", "4711"):
        out = tmp_path / hash_seed
        command = [sys.executable, "-m", "hisn.testing", "--size", "1500", "--out", str(out)]
        subprocess.run(command, check=True, capture_output=True, env={"PYTHONHASHSEED": hash_seed})
        made_by.append(files(out))
    assert made_by[0] == made_by[1]


def test_attacks_add_records_and_change_no_byte_of_the_background() -> None:
    with_attacks = election_evening(5, 3_000)
    without = replace(with_attacks, attacks=())
    for source in with_attacks.sources:
        mixed = list(records_of(with_attacks, source))
        assert [record for record in mixed if not record.attack] == list(records_of(without, source))


def test_one_attack_less_leaves_the_others_as_they_were() -> None:
    whole = election_evening(5, 1_500)
    fewer = replace(whole, attacks=whole.attacks[1:])
    gone = whole.attacks[0].name
    for source in whole.sources:
        kept = [record for record in records_of(whole, source) if record.attack != gone]
        assert kept == list(records_of(fewer, source))


def test_lines_without_attacks_are_a_subsequence_of_the_attacked_file(tmp_path: Path) -> None:
    scenario = election_evening(5, 2_000)
    truth, attacked = made(scenario, tmp_path / "attacked")
    _, calm = made(replace(scenario, attacks=()), tmp_path / "calm")
    for path in attacked:
        if not path.startswith("devices/"):  # devices number their events, the attacker's too
            planted = {
                number for attack in truth.attacks if attack.source == path for number in attack.records
            }
            lines = attacked[path].splitlines()
            assert [line for n, line in enumerate(lines, 1) if n not in planted] == calm[path].splitlines()


def test_truth_points_at_the_attacks_own_lines(tmp_path: Path) -> None:
    truth, written = made(election_evening(5, 2_000), tmp_path)
    (injection,) = (attack for attack in truth.attacks if attack.name == "slow-sql-injection")
    lines = written[injection.source].splitlines()
    assert all(b"198.51.100.247" in lines[number - 1] for number in injection.records)
    assert sum(b"198.51.100.247 " in line for line in lines) == len(injection.records)


def test_records_come_in_time_order_and_in_about_the_size_asked_for() -> None:
    scenario = election_evening(9, 20_000)
    total = 0
    for source in scenario.sources:
        times = [record.time for record in records_of(scenario, source)]
        assert times == sorted(times)
        total += len(times)
    assert 0.95 < total / 20_000 < 1.15
