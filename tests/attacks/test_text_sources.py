"""What attackers send to the readers of text formats: floods, giants, garbage, imitations.

Every reader must come back in bounded time, without an exception that is not an `InputError`, and
must say of every line whether it is a record or a hole.
"""

from __future__ import annotations

import io
import random
import time
from importlib import import_module

import pytest
from tests.attacks.samples import SAMPLES

from hisn.errors import InputError
from hisn.events.schema import Declaration
from hisn.events.source import DocumentFormat, LineFormat, Parsed

LINE_FORMATS = sorted(
    name for name in SAMPLES if name not in ("csv_table", "postgres_csv") and "nist" not in name
)


def form_of(name: str) -> LineFormat | DocumentFormat:
    form: LineFormat | DocumentFormat = import_module(f"hisn.events.sources.{name}").FORMAT
    return form


def read(name: str, data: bytes) -> list[Parsed]:
    form = form_of(name)
    declaration = Declaration(year=2024)
    if hasattr(form, "open"):
        return [form.open(SAMPLES[name][:65536], declaration).parse(data, 1)]
    try:
        return list(form.read(io.BytesIO(data), declaration))
    except InputError:
        return []


def numbers(parsed: list[Parsed]) -> list[int]:
    return sorted(int(n) for part in parsed for block in part.blocks for n in block.numbers)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_sample_is_read_without_holes(name: str) -> None:
    parsed = read(name, SAMPLES[name])
    assert sum(part.records for part in parsed) == len(numbers(parsed)) > 0
    assert [hole for part in parsed for hole in part.unparsed] == []


@pytest.mark.parametrize("name", sorted(SAMPLES))
@pytest.mark.parametrize("seed", range(12))
def test_damaged_bytes_never_raise_and_columns_stay_whole(name: str, seed: int) -> None:
    dice = random.Random(f"{name}{seed}")
    data = bytearray(SAMPLES[name] * 3)
    for _ in range(dice.choice((1, 5, 40))):
        data[dice.randrange(len(data))] = dice.choice(
            (0, 10, 13, 27, 34, 39, 92, 255, 0x80, dice.randrange(256))
        )
    cut = dice.randrange(len(data))
    for damaged in (bytes(data), bytes(data[:cut]), bytes(data[cut:])):
        parsed = read(name, damaged)
        assert sum(part.records for part in parsed) == len(numbers(parsed))
        for part in parsed:
            for block in part.blocks:
                count = len(block.numbers)
                assert {len(column) for column in block.columns} <= {count}
                assert len(block.columns) == len(block.layout.names) == len(set(block.layout.names))
                assert not set(block.layout.names) & {key for key, _ in block.layout.constants}
                assert len(block.times) == len(block.raws) == count
                for row in range(count):
                    for cell in block.fields(row).values():
                        str(cell).encode()  # a lone surrogate would stop the engine


@pytest.mark.parametrize("name", LINE_FORMATS)
def test_every_line_is_a_record_or_a_hole_or_empty(name: str) -> None:
    dice = random.Random(name)
    lines = SAMPLES[name].rstrip(b"\n").split(b"\n")
    for _ in range(30):
        at = dice.randrange(len(lines))
        junk = dice.choice((b"", b"garbage", b"\x00" * 20, lines[at][: len(lines[at]) // 2], b"\xff\xfe"))
        lines.insert(at, junk)
    parsed = read(name, b"\n".join(lines) + b"\n")
    named = [hole.number for part in parsed for hole in part.unparsed] + numbers(parsed)
    assert len(named) == len(set(named))
    comments = {at for at, line in enumerate(lines, 1) if line.startswith(b"#") or not line.strip()}
    assert set(range(1, len(lines) + 1)) - set(named) - comments == set()


PARTS = (
    b" ", b'"', b"\\", b"[", b"]", b'\\"', b'" "', b'] "', b"=", b'="', b"%25", b"%u0041", b"a=b ", b"\\x22",
    b'[05/Nov/2024:20:15:00 +0000] "', b'" 200 0 ', b", client: ", b'", ', b"<", b"<1>1 ", b'[x y="', b"\t",
    b",", b"''", b"msg='", b"#Fields: ", b"#", b"{", b"Invalid user ", b" from ", b"AUDIT: ", b"+", b"(", b": ",
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_long_hostile_lines_cost_no_more_than_their_length(name: str) -> None:
    first = SAMPLES[name].split(b"\n")
    whole = [line for line in first if line and not line.startswith(b"#")][-1]
    middle = len(whole) // 2
    started = time.perf_counter()
    for part in PARTS:
        flood = part * (200_000 // len(part))
        read(name, flood)
        for at in (0, middle, len(whole)):
            read(name, whole[:at] + flood + whole[at:] + b"\n")
    # 26 MB in all; a quadratic expression would take minutes for each part.
    assert time.perf_counter() - started < 15


@pytest.mark.parametrize("name", LINE_FORMATS)
def test_unique_value_flood_keeps_few_layouts(name: str) -> None:
    lines = SAMPLES[name].rstrip(b"\n").split(b"\n")
    whole = [line for line in lines if line and not line.startswith(b"#")][-1]
    head = [line for line in lines if line.startswith(b"#")]
    flood = [whole + b" u%d=%d" % (n, n) for n in range(3000)]
    parsed = read(name, b"\n".join(head + flood) + b"\n")
    assert sum(len(part.blocks) for part in parsed) <= 1024
