"""A pack from a file is verified by the isolated verifier; tokens are checked beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, World
from tests.unit.app.tsa import Authority, make_authority, serving

from hisn.app.evidence_pack import PackRequest, make_pack
from hisn.app.verify import digest_in, read_pack, verify_file
from hisn.core.proof_limits import MAX_PACK_BYTES
from hisn.errors import StorageError, UsageError, VerificationError
from hisn.evidence.pack import parse_pack, write_pack
from hisn.verify.steps import Result


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("tsa") / "one")


def packed(world: World, path: Path, timestamp: str | None = None) -> Path:
    with world.open(EAST) as (node,):
        node.member.fold.catch_up(node.log)
        (finding, _), *_ = node.member.fold.table.findings("f-")
        path.write_bytes(make_pack(node, PackRequest(finding=finding, timestamp_url=timestamp)).data)
    return path


def genesis_of(world: World) -> str:
    with world.open(EAST) as (node,):
        return node.charter.genesis.hex()


def test_a_pack_verifies_under_the_genesis_that_the_reader_knows(sealed_unit: World, tmp_path: Path) -> None:
    pack = packed(sealed_unit, tmp_path / "f.evpack")
    genesis = genesis_of(sealed_unit)
    for text in (genesis, genesis.upper(), f" {genesis}\n"):
        assert verify_file(pack, text).report.result is Result.VALID
    assert verify_file(pack, "00" * 32).report.result is Result.INVALID
    assert verify_file(pack).stamps == ()


@pytest.mark.needs("openssl")
def test_a_token_in_a_pack_is_shown_to_who_trusts_its_service(
    sealed_unit: World, tmp_path: Path, authority: Authority
) -> None:
    with serving(authority.reply) as url:
        pack = packed(sealed_unit, tmp_path / "f.evpack", url)
    genesis = genesis_of(sealed_unit)
    (stamp,) = verify_file(pack, genesis, [authority.root]).stamps
    assert (stamp.act, stamp.problem) == (0, "")
    assert stamp.time is not None
    (stamp,) = verify_file(pack, genesis, [make_authority(tmp_path / "other").root]).stamps
    assert stamp.time is None
    assert verify_file(pack, genesis).stamps == ()


@pytest.mark.needs("openssl")
def test_tokens_are_no_part_of_the_verdict(sealed_unit: World, tmp_path: Path, authority: Authority) -> None:
    """Whoever sends a pack can put any token beside it; that makes it neither better nor worse."""
    files = parse_pack(packed(sealed_unit, tmp_path / "f.evpack").read_bytes())
    for token, problem in ((authority.token_over(b"something else"), "Mismatch"), (b"garbage", "")):
        path = tmp_path / "forged.evpack"
        path.write_bytes(write_pack(files | {"timestamps/0000.tsr": token}))
        checked = verify_file(path, genesis_of(sealed_unit), [authority.root])
        assert checked.report.result is Result.VALID
        assert checked.stamps[0].time is None
        assert problem in checked.stamps[0].problem


@pytest.mark.parametrize("name", ["fork-acts.evpack", "fork-entries.evpack"])
def test_a_proven_fork_has_no_acts_to_stamp(repository: Path, authority: Authority, name: str) -> None:
    checked = verify_file(repository / "vectors" / "evpack" / name, None, [authority.root])
    assert checked.report.result is Result.FORK_PROVEN
    assert checked.stamps == ()


def test_what_is_no_pack_is_told(tmp_path: Path) -> None:
    path = tmp_path / "f.evpack"
    with pytest.raises(StorageError) as caught:
        verify_file(path)
    assert caught.value.code == "E5322"
    path.write_bytes(b"PK no pack")
    with pytest.raises(VerificationError):
        verify_file(path)


def test_a_file_without_end_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "huge.evpack"
    with path.open("wb") as file:
        file.truncate(10 * MAX_PACK_BYTES)
    assert len(read_pack(path)) == MAX_PACK_BYTES + 1


@pytest.mark.parametrize("text", ["", "5f", "g" * 64, "0" * 63, "0" * 65, "0x" + "0" * 62])
def test_a_mistyped_digest_is_no_verdict(text: str) -> None:
    """INVALID would accuse the sender of a slip of the reader."""
    with pytest.raises(UsageError) as caught:
        digest_in(text)
    assert caught.value.code == "E1322"
    assert digest_in(None) is None
