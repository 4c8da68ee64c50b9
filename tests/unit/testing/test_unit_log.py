"""A face of a log takes acts as a member makes them, and copies itself as only a liar does."""

from __future__ import annotations

import pytest

from hisn.acts.chain import Act, verify_chain
from hisn.acts.envelope import verify_envelope
from hisn.acts.statement import check_body
from hisn.errors import StorageError
from hisn.evidence.sealed_map import parse_map
from hisn.testing.fake_clock import FakeClock
from hisn.testing.seeded_entropy import SeededEntropy
from hisn.testing.unit_log import Face, blob_name
from hisn.testing.unit_office import Office
from hisn.tlog.policy import NONE, LogLine, Policy
from hisn.tlog.prove import verify_tlog_proof

SAID = {"what": "x", "digest": "00" * 32}


@pytest.fixture
def face() -> Face:
    return Face(Office("north.example", "north"), FakeClock(), SeededEntropy(1))


def test_acts_follow_one_another(face: Face) -> None:
    charter = b"a charter"
    face.record("cutoff", {"heads": [], "time": "2026-11-03T19:00:00.000000Z"}, clear=charter)
    face.record("finding", sealed={"title": "x"})
    face.record("observation", dict(SAID))
    keys = face.act_signer.public
    acts = [Act(leaf, verify_envelope(leaf, keys)) for leaf in face.leaves()]
    assert verify_chain(acts).last == acts[-1]
    check_body(acts[0].statement, charter)
    blob = face.blobs.files[blob_name(face.logged(1).body_digest)]
    check_body(acts[1].statement, parse_map(blob)[0].leaf)
    assert face.logged(1).sealed is not None


def test_an_act_that_no_reader_takes_is_not_made(face: Face) -> None:
    with pytest.raises(ValueError, match="no act"):
        face.record("observation", {"what": "", "digest": "00" * 32})
    assert face.size == 0


def test_any_bytes_can_be_an_entry(face: Face) -> None:
    logged = face.append(b"no act")
    assert (logged.ref.index, logged.statement, logged.sealed) == (0, None, None)
    proof = face.proof(0, face.signed())
    policy = Policy(tuple(LogLine(vkey) for vkey in face.log_signer.keys.vkeys), (), (), NONE)
    assert verify_tlog_proof(proof, logged.ref.leaf_hash, face.log_signer.keys, policy).index == 0


def test_a_branch_has_the_same_beginning_and_another_end(face: Face) -> None:
    for number in range(4):
        face.record("observation", SAID | {"what": str(number)})
    other = face.branch(2)
    assert other.leaves() == face.leaves()[:2]
    other.append(b"otherwise")
    face.append(b"as it was")
    assert other.head(2) == face.head(2)
    assert face.branch().leaves() == face.leaves()
    assert other.writer.keys == face.writer.keys


def test_a_backup_takes_everything_back(face: Face) -> None:
    face.append(b"1")
    before = face.snapshot()
    face.append(b"2")
    face.restore(before)
    assert face.leaves() == [b"1"]
    face.reopen()
    assert face.size == 1
    face.blobs.files.pop(next(name for name in face.blobs.files if "tile/0" in name))
    face.reopen()
    with pytest.raises(StorageError):
        face.append(b"3")
