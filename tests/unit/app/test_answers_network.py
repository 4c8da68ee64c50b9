"""Over real sockets: one member seals, another rechecks, and the answer comes into the owner's pack."""

from __future__ import annotations

import time
from pathlib import Path

from tests.unit.app.units import request_of, seal, write_logs, write_rule

from hisn.app.demo_unit import founded, nobody
from hisn.app.disclose import disclose
from hisn.app.evidence_list import findings_of
from hisn.app.evidence_pack import Packed, PackRequest, make_pack
from hisn.app.home import open_node
from hisn.app.publish import publish
from hisn.app.recheck import recheck
from hisn.app.reply import reply
from hisn.app.wiring import load_rule_pack
from hisn.evidence.pack import parse_pack
from hisn.verify.steps import FlagName, Result

PATIENCE_S = 30


def packed_when_answered(home: Path, finding: str) -> Packed:
    """Pack until the other member's log has come to this node's mirror."""
    end = time.monotonic() + PATIENCE_S
    while True:
        with open_node(home, nobody) as node:
            packed = make_pack(node, PackRequest(finding=finding))
        if packed.report.flags[0].by or time.monotonic() > end:
            return packed
        time.sleep(0.2)


def has_body_of_answer(packed: Packed) -> bool:
    files = parse_pack(packed.data)
    last = max(name for name in files if name.endswith(".leaf"))
    return last.replace("acts/", "bodies/").replace(".leaf", ".json") in files


def test_a_recheck_travels_from_log_to_mirror_to_pack(tmp_path: Path) -> None:
    end = time.monotonic() + 3 * PATIENCE_S
    rule = write_rule(tmp_path)
    with founded(tmp_path) as unit:
        with open_node(unit.home, nobody) as adria:
            seal(adria, request_of(rule, write_logs(tmp_path / "logs", web=["/?marked", "/"])))
            assert publish(adria).is_published
            finding = findings_of(adria)[0].id
            disclose(adria, finding, tmp_path / "f.evdata")
        with open_node(unit.home.parent / "boreas", nobody) as boreas:
            done = recheck(boreas, tmp_path / "f.evdata", load_rule_pack((rule,), None))
            reply(boreas, done)
            assert publish(boreas).is_published
        packed = packed_when_answered(unit.home, finding)
        # Its body follows: the owner asks the author for it.
        while not has_body_of_answer(packed) and time.monotonic() < end:
            time.sleep(0.2)
            packed = packed_when_answered(unit.home, finding)
    assert has_body_of_answer(packed)
    assert packed.report.result is Result.VALID
    assert [(flag.name, flag.by) for flag in packed.report.flags] == [
        (FlagName.RECHECKED, ("boreas.example",))
    ]
    assert packed.report.shown is not None
    ((origin, _size, time_s),) = packed.report.shown.acts[-1].after
    assert (origin, time_s is not None) == ("adria.example", True)
