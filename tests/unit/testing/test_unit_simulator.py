"""The simulator does what its documentation says, in the same way every time."""

from __future__ import annotations

import re
from pathlib import Path

import hisn.testing.unit_simulator as module
from hisn.testing.unit_simulator import UnitSimulator
from hisn.verify.steps import Result


def test_the_example_of_the_documentation_runs() -> None:
    example = (module.__doc__ or "").partition("::\n")[2].partition("\nThe same calls")[0]
    lines = [line.removeprefix("    ") for line in example.splitlines()]
    exec("\n".join(lines), {"UnitSimulator": UnitSimulator, "Result": Result})  # noqa: S102 -- our own text


def test_the_page_for_partners_runs() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "howto" / "play-a-hostile-unit.md"
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    exec("\n".join(blocks), {})  # noqa: S102 -- our own text


def test_the_same_calls_draw_the_same_keys_and_salts() -> None:
    batches = [UnitSimulator(seed=seed).seal("north", [{"a": 1}]) for seed in (1, 1, 2)]
    roots = [batch.root for batch in batches]
    assert roots[0] == roots[1] != roots[2]
    assert UnitSimulator().genesis == UnitSimulator().genesis != UnitSimulator(seed=1).genesis


def test_a_pack_without_quorum_proves_less() -> None:
    unit = UnitSimulator()
    finding = unit.state("north", unit.seal("north", [{"a": 1}]))
    for name in ("south", "east"):
        unit.network.cut_off(f"{name}.example")
    assert not unit.publish("north").is_published
    assert unit.verify(unit.pack("north", finding)).result is Result.VALID_UNWITNESSED
    unit.network.heal()
    assert unit.publish("north").is_published
    pack = unit.pack("north", finding)
    assert unit.verify(pack).result is Result.VALID
    unpinned = unit.verify(pack, is_pinned=False)
    assert "genesis-unknown" in [said.code for said in unpinned.not_proven]


def test_later_epochs_can_be_left_out_of_a_pack() -> None:
    unit = UnitSimulator()
    finding = unit.state("north", unit.seal("north", [{"a": 1}]))
    unit.publish("north")
    unit.rotate("north", "act")
    whole, old = (unit.verify(unit.pack("north", finding, epochs=epochs)) for epochs in (None, 1))
    assert (whole.shown and whole.shown.epoch, old.shown and old.shown.epoch) == (1, 0)
    assert whole.result is old.result is Result.VALID
