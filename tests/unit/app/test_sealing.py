"""Every batch is in the log before it is judged, every finding after; and all of it opens again."""

from __future__ import annotations

import gzip
import os
import signal
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.app.units import LINE, alone, request_of, seal, write_logs, write_rule
from tests.unit.events.sources import evtx_files

from hisn.acts.statement import EVERYBODY, Head
from hisn.app import judge as judge_module
from hisn.app.evidence_pack import batches_of
from hisn.app.guard import GuardRequest, guard
from hisn.app.home import Node
from hisn.app.intake import intake_folder
from hisn.app.judge import BatchLimits
from hisn.app.reopen import OwnAct, own_act, reopener
from hisn.app.sealed import SealedChunk, runs_of
from hisn.app.sealing import Basis, SealTo, finding_fields, records_of, visible
from hisn.core import limits
from hisn.engine.scan import Window
from hisn.errors import HisnError, StorageError
from hisn.events.batch import Chunk
from hisn.events.declare import Declarations, Sealing
from hisn.events.open import discover, read
from hisn.events.schema import Declaration
from hisn.events.source import SourceNote
from hisn.events.tasks import Task
from hisn.evidence.batch import Mode
from hisn.findings.model import Finding
from hisn.tlog.append import Sequenced

needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="needs fork")
SECRET = Declarations(sealing=(("b.*", Sealing(asset_class="pollbook")),))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with alone(tmp_path / "node") as made:
        yield made


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    return write_rule(tmp_path)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return write_logs(tmp_path / "logs", a=["/", "/?marked", "/x"], b=["/?marked", "/?marked"])


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write logs that are cut into several ranges, and these into several batches of several chunks."""
    monkeypatch.setattr(limits, "CHUNK_BYTES", 250)
    monkeypatch.setattr(limits, "SEALED_CHUNKS", 2)
    monkeypatch.setattr(limits, "RANGE_BYTES", 2_000)
    targets = ["/?marked" if at % 3 else "/" for at in range(50)]
    return write_logs(tmp_path / "many", a=targets, b=targets[:30], c=targets[:2])


def acts_of(node: Node, kind: str) -> list[OwnAct]:
    node.member.fold.catch_up(node.log)
    return [own_act(node, place) for place in node.member.fold.table.positions(kind)]


def roots_of(node: Node) -> dict[tuple[str, int, int], str]:
    """Return the root of every batch by source, part and ordinal."""
    found = {}
    for act in acts_of(node, "batch"):
        public = act.statement.public
        found[str(act.field("source")), int(str(public["part"])), int(str(public["ordinal"]))] = str(
            public["root"]
        )
    return found


def reopened(node: Node) -> dict[str, list[int]]:
    """Open every batch again, which compares its tree with the log; return the records by source."""
    found: dict[str, list[int]] = {}
    with reopener(node) as opener:
        for act in acts_of(node, "batch"):
            again = opener.batch(act.place.index)
            found.setdefault(str(act.field("source")), []).extend(again.batch.sealed.numbers.tolist())
    return {source: sorted(numbers) for source, numbers in found.items()}


def evidence_in(node: Node) -> list[tuple[str, list[int]]]:
    """Return for each finding its source, and the records of the events it rests on."""
    found = []
    with reopener(node) as opener:
        for act in acts_of(node, "finding"):
            records: list[int] = []
            for leaf, root, events in batches_of(act):
                again = opener.batch(leaf)
                assert again.act.statement.public["root"] == root
                records += again.batch.sealed.numbers[list(events)].tolist()
            found.append((str(act.field("source")), sorted(records)))
    return sorted(found)


@pytest.mark.parametrize("mode", ["fields", "whole"])
def test_sealing_changes_no_finding_and_no_coverage(node: Node, logs: Path, rule: Path, mode: Mode) -> None:
    plain, sealed = guard(request_of(rule, logs)), seal(node, request_of(rule, logs), mode)
    assert (sealed.findings, sealed.coverage, sealed.activity) == (
        plain.findings,
        plain.coverage,
        plain.activity,
    )
    assert sealed.sealed is not None
    assert (sealed.sealed.intakes, sealed.sealed.batches, sealed.sealed.events, sealed.sealed.findings) == (
        2,
        2,
        5,
        2,
    )
    assert sealed.sealed.size == node.log.head().checkpoint.size == 1 + 2 + 2


@pytest.mark.parametrize("mode", ["fields", "whole"])
def test_a_finding_names_the_events_it_rests_on(node: Node, many: Path, rule: Path, mode: Mode) -> None:
    result = seal(node, request_of(rule, many, processes=2), mode)
    assert evidence_in(node) == sorted((each.source, list(each.records)) for each in result.findings)


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("rows", [1, 7, 1_000])
def test_neither_processes_nor_batches_change_a_commitment(
    tmp_path: Path, many: Path, rule: Path, processes: int, rows: int
) -> None:
    """With the same keys: a second run that gave other roots would make the first one a lie."""
    request = request_of(rule, many)
    with alone(tmp_path / "one", seed="same") as one, alone(tmp_path / "two", seed="same") as two:
        first = seal(one, replace(request, processes=1))
        second = seal(two, replace(request, processes=processes, batch=BatchLimits(rows=rows)))
        assert roots_of(one) == roots_of(two)
        assert len(roots_of(one)) > 9
        assert first.findings == second.findings
        assert evidence_in(one) == evidence_in(two)
        assert reopened(two) == {"a.log": list(range(1, 51)), "b.log": list(range(1, 31)), "c.log": [1, 2]}


def test_batches_of_a_source_are_chained(node: Node, many: Path, rule: Path) -> None:
    """A batch that was left out would break the chain."""
    seal(node, request_of(rule, many, processes=2, batch=BatchLimits(rows=3)))
    last: dict[tuple[str, int], OwnAct] = {}
    for act in acts_of(node, "batch"):
        chain = str(act.field("source")), int(str(act.statement.public["part"]))
        before = last.get(chain)
        assert act.statement.public["ordinal"] == (
            int(str(before.statement.public["ordinal"])) + 1 if before else 0
        )
        assert act.statement.public["prev"] == (before.place.leaf_hash.hex() if before else "")
        last[chain] = act
    assert len({part for source, part in last if source == "a.log"}) > 1


def zipped(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "logs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in/a.log", LINE.format(minute=1, target="/?marked") * 3)
        archive.writestr("in/b.log.gz", gzip.compress(LINE.format(minute=1, target="/?marked").encode() * 2))
    return folder / "logs.zip"


def gzipped(folder: Path) -> Path:
    (folder / "a.log.gz").write_bytes(gzip.compress(LINE.format(minute=1, target="/?marked").encode() * 4))
    return folder / "a.log.gz"


def nested(folder: Path) -> Path:
    inner = zipped(folder).read_bytes()
    (folder / "outer.gz").write_bytes(gzip.compress(inner))
    return folder / "outer.gz"


def evtx(folder: Path) -> Path:
    data = evtx_files.file(
        evtx_files.chunk(1, evtx_files.images(1, 3)), evtx_files.chunk(4, evtx_files.images(4, 2))
    )
    (folder / "Security.evtx").write_bytes(data)
    return folder / "Security.evtx"


def json_document(folder: Path) -> Path:
    (folder / "events.json").write_text('[{"EventID": 1, "Image": "a"}, {"EventID": 2, "Image": "b"}]')
    return folder / "events.json"


def odd_name(folder: Path) -> Path:
    path = os.fsencode(folder) + b"/odd-\xff.log"
    with open(path, "wb") as file:  # noqa: PTH123 - a name that is no text
        file.write(LINE.format(minute=1, target="/?marked").encode() * 2)
    return folder


def holes(folder: Path) -> Path:
    lines = [LINE.format(minute=1, target="/?marked") if at % 4 else "no line\n" for at in range(1, 12)]
    (folder / "a.log").write_text("".join(lines))
    return folder / "a.log"


@pytest.mark.parametrize("mode", ["fields", "whole"])
@pytest.mark.parametrize(
    ("make", "records"),
    [
        (zipped, {"logs.zip!in/a.log": [1, 2, 3], "logs.zip!in/b.log.gz": [1, 2]}),
        (gzipped, {"a.log.gz": [1, 2, 3, 4]}),
        (nested, {"outer.gz!in/a.log": [1, 2, 3], "outer.gz!in/b.log.gz": [1, 2]}),
        (evtx, {"Security.evtx": [1, 2, 3, 4, 5]}),
        (json_document, {"events.json": [1, 2]}),
        (odd_name, {"odd-\\xff.log": [1, 2]}),
        (holes, {"a.log": [1, 2, 3, 5, 6, 7, 9, 10, 11]}),
    ],
    ids=["zip", "gzip", "zip-in-gzip", "evtx", "json", "odd-name", "holes"],
)
def test_what_was_sealed_of_every_sort_of_file_opens_again(
    *,
    node: Node,
    tmp_path: Path,
    rule: Path,
    make: Callable[[Path], Path],
    records: dict[str, list[int]],
    mode: Mode,
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    path = make(folder)
    seal(node, request_of(rule, path, processes=1), mode)
    assert reopened(node) == records


def test_standard_input_opens_again(
    node: Node, tmp_path: Path, rule: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").write_text(LINE.format(minute=1, target="/?marked") * 3)
    with (tmp_path / "in").open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        seal(node, request_of(rule, "-"))
    assert evidence_in(node) == [("stdin", [1, 2, 3])]


def test_what_was_declared_is_kept_for_the_second_reading(node: Node, tmp_path: Path, rule: Path) -> None:
    """A syslog line says no year: read again with another one, its time would be another, and the tree."""
    (tmp_path / "auth.log").write_text("Nov  3 20:00:00 web1 sshd[1]: Failed password for root\n" * 3)
    declared = Declarations(by_glob=(("auth.log", Declaration(year=2021, zone_s=3_600, asset="web1")),))
    seal(node, request_of(rule, tmp_path / "auth.log", declarations=declared))
    (act,) = acts_of(node, "batch")
    assert act.field("first") == "2021-11-03T19:00:00.000000Z"
    assert act.field("declared") == declared.digest_of("auth.log")
    assert reopened(node) == {"auth.log": [1, 2, 3]}


def test_sources_of_ballots_and_pollbooks_publish_no_counts_and_no_times(
    node: Node, logs: Path, rule: Path
) -> None:
    seal(node, request_of(rule, logs, declarations=SECRET))
    said = {str(act.field("source")): act for act in acts_of(node, "batch")}
    for name in ("count", "unparsed", "first", "last"):
        assert said["b.log"].statement.public[name] is None
        assert said["a.log"].statement.public[name] is not None
    assert said["b.log"].field("count") == 2
    assert (said["a.log"].statement.header.audience, said["b.log"].statement.header.audience) == (
        EVERYBODY,
        ("vesna.example",),
    )
    assert evidence_in(node) == [("a.log", [2]), ("b.log", [1, 2])]


def test_the_log_tells_no_path(node: Node, logs: Path, rule: Path) -> None:
    seal(node, request_of(rule, logs))
    whole = b"".join(node.log.entries(0, node.log.head().checkpoint.size))
    assert b"a.log" not in whole
    assert b"marked" not in whole


@pytest.mark.parametrize("at", [1, 2])
def test_nothing_is_judged_that_could_not_be_committed(
    node: Node, logs: Path, rule: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """The disk under the log fails: no finding comes out, of nothing."""
    append = node.log.append

    def failing(leaves: Sequence[bytes], *, expected_size: int | None = None) -> Sequenced:
        if expected_size == at:
            raise StorageError("E5203", "no space left")
        return append(leaves, expected_size=expected_size)

    monkeypatch.setattr(node.log, "append", failing)
    with pytest.raises(StorageError):
        seal(node, request_of(rule, logs, processes=1, batch=BatchLimits(rows=1)))
    assert node.log.head().checkpoint.size == at
    assert acts_of(node, "finding") == []


@needs_fork
def test_a_worker_that_dies_and_reads_again_seals_nothing_twice(
    node: Node, many: Path, rule: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parser crash behind the third chunk: what was committed before it stands, once."""
    died = tmp_path / "died"

    def deadly(task: Task) -> Iterator[Chunk | SourceNote]:
        for number, item in enumerate(read(task)):
            if number == 3 and task.name == "a.log" and not task.start and not died.exists():
                died.write_bytes(b"")
                os.kill(os.getpid(), signal.SIGKILL)
            yield item

    monkeypatch.setattr(judge_module, "read", deadly)
    result = seal(node, request_of(rule, many, processes=1, batch=BatchLimits(rows=1)))
    assert died.exists()
    assert result.coverage.complete
    places = [
        (act.field("source"), act.statement.public["part"], act.statement.public["ordinal"])
        for act in acts_of(node, "batch")
    ]
    assert len(places) == len(set(places))
    assert reopened(node) == {"a.log": list(range(1, 51)), "b.log": list(range(1, 31)), "c.log": [1, 2]}
    assert evidence_in(node) == sorted((each.source, list(each.records)) for each in result.findings)


def test_two_readings_that_differ_are_a_bug_that_stops_the_run(node: Node, logs: Path, rule: Path) -> None:
    with intake_folder(node.places.intake) as folder:
        seal_to = SealTo(node.member, node.intaker(folder), "fields")
        found, sealing = seal_to.take_in(discover([str(logs)], Declarations()), Declarations(), "00" * 32)
        placed = [
            item for item in judge_module.read_placed(found.tasks) if isinstance(item, judge_module.Placed)
        ]
        chunks = sealing.compute(placed)
        sealing.commit(chunks)
        sealing.commit(chunks)
        with pytest.raises(HisnError, match="different batches"):
            sealing.commit([replace(chunks[0], root=bytes(32))])
    assert len(acts_of(node, "batch")) == 2


def test_batches_cite_what_was_seen_at_first_and_findings_what_is_seen_at_last(
    node: Node, logs: Path, rule: Path
) -> None:
    """A run can take hours, and others' logs go on meanwhile."""
    sizes = iter((3, 8))

    def seen() -> tuple[Head, ...]:
        return (Head("east.example", next(sizes), b"\x11" * 32),)

    with intake_folder(node.places.intake) as folder:
        guard(request_of(rule, logs), None, SealTo(node.member, node.intaker(folder), "fields", seen))
    for kind, size in (("batch", 3), ("finding", 8)):
        cited = [act.statement.header.seen for act in acts_of(node, kind)]
        assert [[head.size for head in heads] for heads in cited] == [[size], [size]]


def test_a_second_run_is_a_second_commitment_under_other_keys(node: Node, logs: Path, rule: Path) -> None:
    """The same bytes twice must not look alike in the log, or guesses of them could be tried."""
    for _ in range(2):
        seal(node, request_of(rule, logs))
    for name in ("root", "ciphertext", "raw", "key"):
        values = [act.statement.public[name] for act in acts_of(node, "batch")]
        assert len(set(values)) == 4, name
    sources = [act.statement.public["source"] for act in acts_of(node, "batch")]
    assert len(set(sources)) == 2


def test_what_was_judged_stands_in_the_finding(node: Node, logs: Path, rule: Path) -> None:
    window = Window(start=1_793_736_000_000_000, end=None)
    seal(node, replace(request_of(rule, logs), window=window))
    assert {act.field("window") for act in acts_of(node, "finding")} <= {(window.start, window.end)}


def test_every_field_of_a_finding_is_sealed(node: Node, logs: Path, rule: Path) -> None:
    result = seal(node, request_of(rule, logs))
    by_id = {str(act.field("id")): act for act in acts_of(node, "finding")}
    for finding in result.findings:
        act = by_id[finding.id]
        assert act.field("count") == finding.count
        assert act.field("records_complete") == "true"
        assert act.field("tags") == finding.tags
        assert act.field("why.0.pattern") == finding.why[0].pattern
        assert act.field("rule_digest") == finding.rule_digest
        assert act.field("mapping") == result.mapping_digest


def finding_with(**more: object) -> Finding:
    plain: Mapping[str, object] = {
        **dict.fromkeys(
            ("id", "rule_id", "rule_digest", "title", "level", "confidence", "asset", "source", "sentence"),
            "x",
        ),
        "first": None,
        "last": None,
        "count": 1,
        "records": (1,),
        "records_complete": True,
        "why": (),
    }
    return Finding(**{**plain, **more})  # type: ignore[arg-type]


def test_half_characters_are_written_out_and_stop_no_sealing() -> None:
    fields = finding_fields(finding_with(title="a\udc80b", tags=("\ud800",)), Basis(""), ())
    assert (fields["title"], fields["tags"]) == ("a\\udc80b", ("\\ud800",))
    assert visible("a\udcffb") == "a\\udcffb"


def test_a_value_that_cannot_be_sealed_is_a_bug_and_no_silence() -> None:
    with pytest.raises(TypeError):
        finding_fields(finding_with(title=1.5), Basis(""), ())


def chunk_with(numbers: list[int]) -> SealedChunk:
    return SealedChunk(
        task=Task("a", "a"), source="a", kind="k", ordinal=0, root=bytes(32), count=len(numbers),
        runs=runs_of(np.asarray(numbers, np.int64)), first=None, last=None, unparsed=(),
    )  # fmt: skip


def test_record_numbers_are_kept_as_runs() -> None:
    assert records_of(chunk_with([1, 2, 3, 7, 9, 10])) == ((1, 3), (7, 7), (9, 10))
    assert records_of(chunk_with([4, 5, 6])) == ((4, 6),)
    assert records_of(chunk_with([])) == ()


@given(st.sets(st.integers(-3, 60), max_size=40))
def test_every_record_number_leads_to_its_event(numbers: set[int]) -> None:
    ordered = sorted(numbers)
    chunk = chunk_with(ordered)
    places = {number: event for event, number in enumerate(ordered)}
    assert [chunk.event_of(number) for number in range(-5, 63)] == [
        places.get(number) for number in range(-5, 63)
    ]


def test_a_run_over_nothing_seals_nothing(node: Node, tmp_path: Path, rule: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = seal(
        node, GuardRequest(paths=(str(tmp_path / "empty"),), declarations=Declarations(), rules=(rule,))
    )
    assert result.sealed is not None
    assert (result.sealed.batches, result.sealed.size) == (0, 1)
