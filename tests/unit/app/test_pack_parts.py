"""A pack leaves with what a quorum has seen, and shows of a batch what is needed and no name of an asset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, NORTH, VOTE, World, act_of, id_of
from tests.unit.app.units import (
    MEMBERS,
    OUTSIDE,
    UNIT,
    make_nodes,
    opened,
    request_of,
    seal,
    signed_by_all,
    write_logs,
)

from hisn.app.evidence_pack import PackRequest, batches_of, find_finding, make_pack
from hisn.app.pack_parts import covering_head, names_of_batch, pack_act, trust_of, verified
from hisn.app.reopen import own_act
from hisn.app.unit_files import adopt, draft_epoch, own_enrolment
from hisn.core.signers import DualSigner
from hisn.errors import PolicyError, StorageError
from hisn.events.declare import Declarations
from hisn.events.schema import Declaration
from hisn.evidence.packing import PackParts
from hisn.node.cosigned import CosignedRow
from hisn.tlog.proof import parse_tlog_proof
from hisn.tlog.sign import signature_line
from hisn.unit.draft import Admit, Change, Dismiss
from hisn.unit.enrol import sign_roster, verify_enrolment
from hisn.verify.steps import Result


def test_the_published_state_is_shown_where_it_covers_the_entry(unit: World) -> None:
    with unit.open(EAST) as (east,):
        published = east.log.published()
        assert published is not None
        assert covering_head(east, published.checkpoint.size - 1) == published
        with pytest.raises(PolicyError) as caught:
            covering_head(east, published.checkpoint.size)
        assert caught.value.code == "E4331"


def test_without_a_quorum_the_cosignatures_that_there_are_are_shown(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        seal(east, request_of(unit.rule, write_logs(tmp_path / "w", late=["/"])))
        head = east.log.head()
        lines = unit.cosigners[NORTH].cosign(head.note.text, 1_793_750_400)
        data = b"".join(signature_line(line) for line in lines)
        CosignedRow(east.register, EAST).keep(head.note.text, NORTH, data, head.checkpoint.size)
        shown = covering_head(east, head.checkpoint.size - 1, unwitnessed=True)
        assert shown.raw == head.raw + data


def test_an_act_is_shown_with_its_proof_and_the_fields_that_were_named(unit: World) -> None:
    with unit.open(EAST) as (east,):
        stated = own_act(east, find_finding(east, id_of(east, VOTE)))
        head = covering_head(east, stated.place.index)
        act = pack_act(east, head, stated, ["count"])
        assert act.leaf == stated.leaf
        assert parse_tlog_proof(act.proof).checkpoint_bytes == head.raw
        assert act.body is not None
        assert pack_act(east, head, own_act(east, 0), []).body is None


def test_of_a_batch_the_declaration_is_shown_unless_it_names_the_asset(unit: World, tmp_path: Path) -> None:
    logs = write_logs(tmp_path / "w", declared=["/?marked"])
    for declaration, expected in (
        (Declaration(year=2026), ("count", "declaration")),
        (Declaration(asset="ems-01"), ("count",)),
    ):
        with unit.open(EAST) as (east,):
            seal(east, request_of(unit.rule, logs, declarations=Declarations(default=declaration)))
            finding = own_act(east, find_finding(east, id_of(east, "declared.log")))
            ((leaf, _root, _events),) = batches_of(finding)
            assert names_of_batch(own_act(east, leaf)) == expected
            assert "declaration" in act_of(east, leaf)


def test_a_pack_that_does_not_verify_does_not_leave(unit: World) -> None:
    with unit.open(EAST) as (east,):
        stated = own_act(east, find_finding(east, id_of(east, VOTE)))
        head = covering_head(east, stated.place.index)
        act = pack_act(east, head, stated, ["count"])
        with pytest.raises(StorageError) as caught:
            verified(east, PackParts(trust=trust_of(east, head.raw), acts=[act], finding=0))
        assert caught.value.code == "E5342"


def test_what_the_witnesses_of_an_older_epoch_saw_is_packed_by_their_policy(
    unit: World, tmp_path: Path
) -> None:
    """The outside witnesses are replaced, and nothing was published since: the newest policy is unmet."""
    changes: list[Change] = [Dismiss(name) for name in OUTSIDE]
    signers: list[DualSigner] = []
    for root in make_nodes(tmp_path / "fresh", names=("archive.example", "church.example")).values():
        with opened(root) as node:
            changes.append(Admit(verify_enrolment(own_enrolment(node, UNIT, as_witness=True))))
            signers.append(node.signer("witness"))
    with unit.open(EAST) as (east,):
        draft = draft_epoch(east, changes)
    known = sorted(sign_roster(draft.document, signers), key=lambda each: each.key_id)
    draft = signed_by_all(
        {name: unit.roots[name] for name in MEMBERS}, replace(draft, signatures=tuple(known))
    )
    with unit.open(EAST) as (east,):
        assert adopt(east, draft).epoch == 1
        packed = make_pack(east, PackRequest(finding=id_of(east, VOTE)))
    assert packed.report.result is Result.VALID
    (said,) = [step.detail for step in packed.report.steps if step.code == "policy"]
    assert said.args["epoch"] == 0
