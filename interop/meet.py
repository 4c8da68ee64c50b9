"""Meet transparency-dev's witness as a real process: ours asks theirs, and theirs asks ours.

python -m interop.meet ask PROGRAM             `interop witness`, with either key of our log
python -m interop.meet omniwitness PROGRAM     the same with their own command
python -m interop.meet serve PROGRAM FOLDER    our node, asked by `interop feed`
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from interop.ours import LEAVES, ORIGIN, SIZES, log_signer
from interop.theirs import expect

from hisn.core.canon import b64
from hisn.core.keys import Algorithm, PublicKey
from hisn.core.signers import DualSigner, SeedSigner, dual_from_seed
from hisn.node.auth import Doorkeeper
from hisn.node.body import AddCheckpoint, format_add_checkpoint, parse_tree_size
from hisn.node.http import Services, make_app
from hisn.node.known import KnownLog, origin_hash
from hisn.node.ratchet import Rooms
from hisn.node.suspects import BlobSuspects, Suspects
from hisn.node.witness import Witness
from hisn.testing.fake_clock import FakeClock
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.checkpoint import Checkpoint, parse_signed_checkpoint
from hisn.tlog.cosign import verify_cosigner
from hisn.tlog.merkle import consistency_proof, root_of
from hisn.tlog.note import VerifierKey, format_vkey, parse_signature_lines
from hisn.tlog.sign import Cosigner, LogSigner, add_signatures, sign_checkpoint
from hisn.tlog.vkey import parse_vkey

PATIENCE_S = 30
THEIR_SEEDS = {Algorithm.ED25519: b"e" * 32, Algorithm.ML_DSA_44: b"q" * 32}
THEIRS = Cosigner(
    "go.example/witness", DualSigner(*(SeedSigner(each, seed) for each, seed in THEIR_SEEDS.items()))
)


def _private_keys(folder: Path) -> list[Path]:
    """Write the private keys of their witness as Go's note package has them."""
    paths = []
    for key, seed in zip(THEIRS.keys.vkeys, THEIR_SEEDS.values(), strict=True):
        secret = b64(bytes([key.sig_type]) + seed)
        path = folder / f"{key.sig_type}.key"
        path.write_text(f"PRIVATE+KEY+{key.name}+{key.key_id.hex()}+{secret}", "utf-8")
        paths.append(path)
    return paths


@contextmanager
def _running(command: Sequence[str | Path]) -> Iterator[subprocess.Popen[str]]:
    # What it logs goes nowhere: it writes every checkpoint out that it refuses.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def _note(size: int, root: bytes, signer: LogSigner) -> bytes:
    return sign_checkpoint(Checkpoint(signer.name, size, root), signer)


class Asker:
    """Ask a witness as the log's node does."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(timeout=PATIENCE_S, trust_env=False)
        self._url = f"{url}/add-checkpoint"

    def post(self, old: int, proof: Sequence[bytes], note: bytes) -> httpx.Response:
        """Post one checkpoint."""
        body = format_add_checkpoint(AddCheckpoint(old, tuple(proof), note))
        return self._client.post(self._url, content=body)

    def refused(self, why: str, statuses: set[int], answer: httpx.Response) -> None:
        """End the program if the answer is another one."""
        expect(f"{why}: {answer.status_code}", ok=answer.status_code in statuses)

    def walk(self) -> None:
        """Move the witness over all sizes, and try what it must refuse."""
        signer, last = log_signer(), 0
        for size in SIZES:
            note = _note(size, root_of(LEAVES[:size]), signer)
            proof = consistency_proof(LEAVES, last, size) if last else ()
            if last > 1:
                self.refused("a bad proof", {422}, self.post(last, (bytes(32), *proof[1:]), note))
                stale = self.post(last - 1, proof, note)
                self.refused("an old size", {409}, stale)
                expect("the size it holds", ok=parse_tree_size(stale.content) == last)
            answer = self.post(last, proof, note)
            expect(f"add-checkpoint: {answer.status_code}", ok=answer.status_code == 200)
            cosigned = parse_signed_checkpoint(add_signatures(note, parse_signature_lines(answer.content)))
            seen = verify_cosigner(cosigned, THEIRS.keys)
            expect("its time", ok=all(abs(each - time.time()) < 60 for each in seen.timestamps))
            last = size
        self._refusals(last, signer)
        print(
            f"ok  transparency-dev's witness cosigned {len(SIZES)} checkpoints of ours, Ed25519 and ML-DSA-44"
        )

    def _refusals(self, last: int, signer: LogSigner) -> None:
        note = _note(last, root_of(LEAVES[:last]), signer)
        expect("the same once more", ok=self.post(last, (), note).status_code == 200)
        fork = _note(last, bytes(32), signer)
        # 422 in the specification today, 409 in its draft that they still follow.
        self.refused("a fork", {409, 422}, self.post(last, (), fork))
        self.refused("an old size beyond the checkpoint", {400}, self.post(last + 1, (), note))
        stranger = LogSigner("stranger.example/log", signer.signer, signer.clock)
        self.refused("an unknown log", {404}, self.post(0, (), _note(1, LEAVES[0], stranger)))
        forger = LogSigner(ORIGIN, dual_from_seed(b"f" * 32), signer.clock)
        # 403 in the specification; theirs fails (500) where no line names a key that it knows.
        self.refused("a forged checkpoint", {403, 500}, self.post(last, (), _note(last, bytes(32), forger)))


def ask(program: str) -> None:
    """Ask their witness, which knows one key of our log at a time."""
    for key in log_signer().keys.vkeys:
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log.vkey"
            log.write_text(format_vkey(key), "utf-8")
            keys = ",".join(map(str, _private_keys(Path(folder))))
            with _running([program, "witness", "-log", log, "-keys", keys]) as process:
                address = process.stdout.readline().strip() if process.stdout else ""
                Asker(address).walk()


def ask_omniwitness(program: str) -> None:
    """Ask their own command."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = "{}:{}".format(*free.getsockname())
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder) / "logs.yaml"
        key = format_vkey(log_signer().keys.vkeys[0])
        logs.write_text(json.dumps({"Logs": [{"Origin": ORIGIN, "PublicKey": key}]}), "utf-8")
        options = [f"-private_key_path={path}" for path in _private_keys(Path(folder))]
        command = [program, f"-listen={address}", "-metrics_listen=", f"-additional_logs={logs}", *options]
        with _running(command):
            _await(address)
            Asker(f"http://{address}").walk()


def _await(address: str) -> None:
    host, _, port = address.partition(":")
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            expect("it does not answer", ok=time.monotonic() < until)
            time.sleep(0.1)
        else:
            return


class _OneLog:
    """Know one log, and no member."""

    def __init__(self, keys: tuple[VerifierKey, ...]) -> None:
        self._keys = keys

    def find(self, origin: str) -> KnownLog | None:
        """Return the log with that origin."""
        return KnownLog(self._keys) if origin == self._keys[0].name else None

    def request_key(self, _origin: str) -> PublicKey | None:
        """Return no key: there are no members."""
        return None


def serve(program: str, folder: str) -> None:
    """Serve our witness, and let their client ask it."""
    theirs = json.loads((Path(folder) / "exchange.json").read_bytes())
    logs = _OneLog(tuple(parse_vkey(key) for key in theirs["log_keys"]))
    blobs, register, clock = MemoryBlobs(), MemoryRegister(), FakeClock()
    rooms = Rooms("hisn.example/own", logs, register, Suspects(BlobSuspects(blobs), register))
    cosigner = Cosigner("hisn.example/w", dual_from_seed(b"w" * 32))
    services = Services(
        blobs=blobs,
        own_log=origin_hash("hisn.example/own"),
        door=Doorkeeper("hisn.example/own", logs, clock),
        may_read=lambda _member, _digest: False,
        witness=Witness(rooms, cosigner, clock),
    )
    vkeys = "\n".join(format_vkey(key) for key in cosigner.keys.vkeys)
    (Path(folder) / "witness.vkeys").write_text(vkeys, "utf-8")
    server = uvicorn.Server(uvicorn.Config(make_app(services), log_level="warning"))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        address = "http://{}:{}/witness".format(*listener.getsockname())
        subprocess.run([program, "feed", address, folder], check=True, timeout=PATIENCE_S)
    finally:
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["ask", program]:
            ask(program)
        case ["omniwitness", program]:
            ask_omniwitness(program)
        case ["serve", program, folder]:
            serve(program, folder)
        case _:
            raise SystemExit(__doc__)
