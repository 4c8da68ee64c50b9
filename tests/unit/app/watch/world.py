"""Run a watch whose disk, register, keys and feed are in memory, so that it can die at any call."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.app.units import RULE

from hisn import __version__
from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import Statement, parse_statement
from hisn.app.fold import Fold
from hisn.app.guard import GuardRequest, guard
from hisn.app.member import Draft, Member
from hisn.app.places import blob_name
from hisn.app.rules import load_rules
from hisn.app.watch.analysis import Analysis, Policy
from hisn.app.watch.cycle import Cycle
from hisn.app.watch.cycle_sealer import CycleSealer, Ports, Sources
from hisn.app.watch.pieces import PieceJudge
from hisn.app.watch.run import Settings, Watch
from hisn.core.packed import Plain
from hisn.core.signers import Succession, dual_from_seed
from hisn.engine.plan import Plan, compile_plan
from hisn.engine.scan import Scanner
from hisn.events.declare import Declarations
from hisn.events.mapping import load_mapping
from hisn.evidence.disclosure import Value
from hisn.evidence.sealed_map import parse_map
from hisn.evidence.vault import Vault
from hisn.findings.follow import Change
from hisn.findings.model import Finding
from hisn.live.feed import Json, Position
from hisn.live.piece import FeedNote, Heads, Piece
from hisn.rules.pack import Pack
from hisn.storage.blobs import FileBlobs
from hisn.storage.files import Cache
from hisn.storage.projection import Projection
from hisn.testing.crash import Faults, SimulatedDisk, SimulatedRegister
from hisn.testing.dice import Dice
from hisn.testing.fake_clock import FakeClock
from hisn.testing.memory_keystore import MemoryKeyStore
from hisn.testing.seeded_entropy import SeededEntropy
from hisn.tlog.append import LogWriter
from hisn.tlog.sign import LogSigner

ORIGIN = "watch.example"
_ROOT = "/node"
LINE = '203.0.113.{host} - - [03/Nov/2026:{hour:02}:{minute:02}:{second:02} +0000] "GET {target} HTTP/1.1" 200 12 "-" "curl/8"\n'


def web_log(seed: int, lines: int = 200) -> bytes:
    """Return an access log: bursts of marked requests, hours apart, from few hosts, some out of order."""
    dice = Dice(seed, "web log")
    second = 0
    made = []
    for _line in range(lines):
        second += dice.pick((0, 1, 1, 2, 60, 60, 4_000)) if dice.random() < 0.3 else 1
        at = max(0, second - dice.pick((0, 0, 0, 3)))
        target = f"/?q=marked{dice.below(9)}" if dice.random() < 0.4 else "/"
        made.append(
            LINE.format(
                host=dice.below(3), hour=at // 3_600 % 24, minute=at // 60 % 60, second=at % 60, target=target
            )
        )
    return "".join(made).encode()


def evening_log(seed: int, lines: int) -> bytes:
    """Return an access log of one day, however many lines: a few bursts, hours apart."""
    dice = Dice(seed, "evening log")
    second, made = 0, []
    for number in range(lines):
        second += 4_000 if number % (lines // 8) == lines // 8 - 1 else number % 2
        at = max(0, second - dice.pick((0, 0, 0, 3)))
        target = f"/?q=marked{dice.below(9)}" if dice.random() < 0.4 else "/"
        clock = {"hour": at // 3_600, "minute": at // 60 % 60, "second": at % 60}
        made.append(LINE.format(host=dice.below(3), target=target, **clock))
    return "".join(made).encode()


class StreamFeed:
    """Give a stream that is there, cut as its dice say: another process cuts it in other places."""

    def __init__(self, name: str, data: bytes, dice: Dice, notes: Sequence[FeedNote] = ()) -> None:
        self.name = name
        self.data = data
        self._dice = dice
        self._at = 0
        self._heads = Heads()
        self._notes = list(notes)
        self.commits: list[Position] = []

    def resume(self, position: Position | None, now_us: int) -> None:
        del now_us
        at: Json = 0 if position is None else position["at"]
        assert isinstance(at, int)
        self._at = at
        self._heads.take(0, self.data[:at])

    def poll(self, max_bytes: int, now_us: int) -> list[Piece]:
        wanted = min(max_bytes, self._dice.below(4_000) + 1)
        stop = self.data.rfind(b"\n", 0, self._at + wanted) + 1
        if stop <= self._at:
            return []
        part = self.data[self._at : stop]
        piece = Piece(
            source=self.name,
            start=self._at,
            data=part,
            first_record=1 + self.data.count(b"\n", 0, self._at),
            generation=0,
            head=self._heads.take(0, part),
            arrived_us=now_us,
        )
        self._at = stop
        return [piece]

    def position(self) -> Position:
        return {"at": self._at}

    def committed(self, position: Position) -> None:
        self.commits.append(position)

    def notes(self, now_us: int) -> list[FeedNote]:
        del now_us
        given, self._notes = self._notes, []
        return given

    def close(self) -> None:
        """Have nothing to close."""

    @property
    def is_drained(self) -> bool:
        return self._at >= len(self.data)


class Told:
    """Remember what was told; what survives a crash is what was told before it."""

    def __init__(self, kept: dict[str, Change]) -> None:
        self.kept = kept
        self.all: list[Change] = []

    def put(self, cycle: Cycle, changed: Sequence[Change]) -> None:
        for change in changed:
            self.kept[change.thread] = change
            self.all.append(change)

    def dump(self) -> Plain:
        return []

    def load(self, plain: Any) -> None:
        """Have nothing to take back."""


def final_findings(acts: Sequence[tuple[Statement, dict[str, Value]]]) -> dict[str, dict[str, Value]]:
    """Return by id what the newest act of each finding says, without how it came to that."""
    found: dict[str, dict[str, Value]] = {}
    gone: set[str] = set()
    for act, body in acts:
        if act.kind == "finding":
            formerly = body.get("formerly", ())
            assert isinstance(formerly, tuple)
            gone |= set(map(str, formerly)) - {act.header.thread}
            found[act.header.thread] = {
                name: value for name, value in body.items() if name not in ("batches", "formerly")
            }
    return {str(each["id"]): each for thread, each in found.items() if thread not in gone}


@functools.cache
def rules() -> tuple[Pack, Plan]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "marked.yml"
        path.write_text(RULE)
        pack = load_rules((path,), Cache(Path(folder) / "cache"))
    return pack, compile_plan(pack)


def scanner() -> Scanner:
    return Scanner(rules()[1], load_mapping(), use_hyperscan=False)


@dataclass
class World:
    """Hold one node's disk over many processes."""

    folder: Path
    streams: dict[str, bytes]
    seed: int = 0
    faults: Faults = field(default_factory=Faults)
    keys: MemoryKeyStore = field(default_factory=MemoryKeyStore)
    told: dict[str, Change] = field(default_factory=dict)
    policy: Policy = field(default_factory=lambda: Policy(lateness_us=10_000_000))
    settings: Settings = field(default_factory=lambda: Settings(snapshot_cycles=4))
    starts: int = 0
    make_judge: Callable[[], PieceJudge] = field(default=lambda: PieceJudge(scanner()))
    notes: tuple[FeedNote, ...] = ()

    def __post_init__(self) -> None:
        self.disk = SimulatedDisk(_ROOT, self.faults)
        self.register = SimulatedRegister(self.faults)
        self.clock = FakeClock()
        signer = LogSigner(ORIGIN, dual_from_seed(bytes(32)), self.clock)
        LogWriter.create(signer, FileBlobs(Path(_ROOT), self.disk), self.register)

    @contextmanager
    def ports(self) -> Iterator[Ports]:
        self.starts += 1
        with ExitStack() as stack:
            blobs = FileBlobs(Path(_ROOT), self.disk)
            keys = dual_from_seed(bytes(32))
            log = LogWriter.open(LogSigner(ORIGIN, keys, self.clock), blobs, self.register)
            projection = Projection(self.folder / f"projection{self.starts}.db")
            stack.callback(projection.close)
            entropy = SeededEntropy(self.seed, str(self.starts))
            member = Member(
                origin=ORIGIN,
                signers=lambda: Succession(keys),
                log=log,
                blobs=blobs,
                fold=Fold(projection, blobs),
                clock=self.clock,
                entropy=entropy,
            )
            if not log.head().checkpoint.size:
                member.record([Draft(kind="observation", public={"what": "begun", "digest": "00" * 32})])
            vault = Vault(self.keys, bytes(32), entropy)
            yield Ports(member, vault, blobs, self.register, b"salt")

    @contextmanager
    def process(self, name: str = "w") -> Iterator[tuple[Watch, list[StreamFeed]]]:
        """Start a watch as a process does, and end it as a crash would."""
        mapping = load_mapping()
        declarations = Declarations()
        with self.ports() as ports:
            dice = Dice(self.seed, f"cuts {self.starts}")
            feeds = [StreamFeed(each, data, dice, self.notes) for each, data in self.streams.items()]
            watch = Watch(
                feeds,
                sealer=CycleSealer(name, ports, Sources(declarations, mapping.digest)),
                worker=self.make_judge(),
                analysis=Analysis(rules()[0], mapping.digest, declarations.digest_of, self.policy),
                outputs=Told(self.told),
                clock=self.clock,
                declarations=declarations,
                settings=self.settings,
            )
            watch.start()
            yield watch, feeds

    def drain(self, watch: Watch, feeds: Sequence[StreamFeed]) -> None:
        """Run to the end of all streams, and close everything."""
        while not all(feed.is_drained for feed in feeds):
            self.clock.advance(1)
            watch.step()
        watch.finish()
        watch.save()

    def run(self) -> None:
        """Run one process to the end."""
        with self.process() as (watch, feeds):
            self.drain(watch, feeds)

    def acts(self) -> list[tuple[Statement, dict[str, Value]]]:
        """Return all acts of the log, with what their bodies say."""
        with self.ports() as ports:
            found = []
            log = ports.member.log
            for leaf in log.entries(0, log.head().checkpoint.size):
                act = parse_statement(parse_envelope(leaf).payload)
                body = ports.blobs.get(blob_name(act.body.sha256)) if act.body else None
                found.append((act, dict(parse_map(body)[1].values) if body else {}))
            return found

    def sealed_ranges(self) -> dict[str, list[tuple[int, int, int]]]:
        """Return for each source the (first byte, first record, last record) of its batches, in order."""
        ranges: dict[str, list[tuple[int, int, int]]] = {}
        for act, body in self.acts():
            if act.kind == "batch":
                part = act.public["part"]
                first, last = body["first_record"], body["last_record"]
                assert isinstance(part, int)
                assert isinstance(first, int)
                assert isinstance(last, int)
                ranges.setdefault(str(body["source"]), []).append((part, first, last))
        return {source: sorted(each) for source, each in ranges.items()}

    def final_findings(self) -> dict[str, dict[str, Value]]:
        """Return by thread what the newest act of each finding says, without where its batches stand."""
        return final_findings(self.acts())

    def check_sealed_once(self) -> None:
        """Walk the log: every record of every stream is in exactly one batch, and none is missing."""
        ranges = self.sealed_ranges()
        for source, data in self.streams.items():
            expected, record = [], 1
            for part, first, last in ranges.get(source, []):
                assert first == record, f"{source}: record {record} to {first} are missing or there twice"
                assert part == len(b"".join(data.splitlines(keepends=True)[: first - 1]))
                record = last + 1
                expected.append(part)
            assert record == data.count(b"\n") + 1
            assert len(set(expected)) == len(expected)


def guarded(folder: Path, streams: dict[str, bytes]) -> tuple[Finding, ...]:
    """Return the findings of ``hisn guard`` over the same bytes."""
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "marked.yml").write_text(RULE)
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    for name, data in streams.items():
        (logs / name).write_bytes(data)
    request = GuardRequest(
        (str(logs),), Declarations(), rules=(folder / "rules",), processes=1, use_hyperscan=False
    )
    return guard(request).findings


VERSION = __version__
