"""Records of damaged chunks."""

from __future__ import annotations

import json
import random
import struct

from tests.unit.events.sources import evtx_files

from hisn.events.evtx_chunks import read_chunk


def names_in(texts: list[str]) -> list[str]:
    return [json.loads(text)["Event"]["EventData"]["Image"] for text in texts]


def wanted(numbers: range | list[int]) -> list[str]:
    return [f"C:\\program-{number}.exe" for number in numbers]


def record_at(chunk: bytes | bytearray, index: int) -> tuple[int, int]:
    at = evtx_files.FIRST
    for _ in range(index):
        at += struct.unpack_from("<I", chunk, at + 4)[0]
    return at, struct.unpack_from("<I", chunk, at + 4)[0]


def test_sound_chunk_is_read_whole() -> None:
    texts, holes = read_chunk(evtx_files.chunk(1, evtx_files.images(1, 30)))
    assert names_in(texts) == wanted(range(1, 31))
    assert holes == []


def test_unused_space_is_no_hole() -> None:
    assert read_chunk(bytes(evtx_files.CHUNK)) == ([], [])


def test_record_whose_header_alone_is_broken_is_read_and_the_damage_is_said() -> None:
    chunk = bytearray(evtx_files.chunk(1, evtx_files.images(1, 30)))
    at, _ = record_at(chunk, 10)
    chunk[at : at + 8] = b"rubbish!"
    texts, holes = read_chunk(bytes(chunk))
    assert names_in(texts) == wanted(range(1, 31))
    assert [(hole.offset, hole.count) for hole in holes] == [(at, 0)]


def test_records_before_and_after_a_broken_record_are_read() -> None:
    chunk = bytearray(evtx_files.chunk(1, evtx_files.images(1, 30)))
    at, _ = record_at(chunk, 10)
    chunk[at : at + 40] = b"\xff" * 40
    texts, holes = read_chunk(bytes(chunk))
    assert names_in(texts) == wanted([*range(1, 11), *range(12, 31)])
    assert [(hole.offset, hole.count) for hole in holes] == [(at, 1)]


def test_records_before_and_after_an_overwritten_stretch_are_read() -> None:
    chunk = bytearray(evtx_files.chunk(1, evtx_files.images(1, 30)))
    start, _ = record_at(chunk, 10)
    stop, _ = record_at(chunk, 14)
    chunk[start + 100 : stop + 50] = bytes(stop - start - 50)
    texts, holes = read_chunk(bytes(chunk))
    assert names_in(texts) == wanted([*range(1, 11), *range(16, 31)])
    assert sum(hole.count for hole in holes) == 5


def test_record_with_broken_content_is_one_hole() -> None:
    chunk = bytearray(evtx_files.chunk(1, evtx_files.images(1, 5)))
    at, size = record_at(chunk, 2)
    chunk[at + 24 : at + size - 4] = b"\xff" * (size - 28)
    texts, holes = read_chunk(bytes(chunk))
    assert names_in(texts) == wanted([1, 2, 4, 5])
    assert [hole.count for hole in holes] == [1]


def test_chunk_without_its_header_is_read() -> None:
    chunk = bytearray(evtx_files.chunk(1, evtx_files.images(1, 5)))
    chunk[:128] = b"\xee" * 128
    texts, holes = read_chunk(bytes(chunk))
    assert names_in(texts) == wanted(range(1, 6))
    assert [hole.reason for hole in holes] == ["damaged chunk header"]


def test_records_of_a_running_system_behind_an_old_header_are_read() -> None:
    chunk = bytearray(evtx_files.chunk(1, evtx_files.images(1, 30)))
    sixth, _ = record_at(chunk, 5)
    seventh, _ = record_at(chunk, 6)
    struct.pack_into("<QQQQIII", chunk, 8, 1, 6, 1, 6, 128, sixth, seventh)
    assert names_in(read_chunk(bytes(chunk))[0]) == wanted(range(1, 31))


def test_older_records_of_a_slot_used_again_are_not_read_as_new() -> None:
    old = evtx_files.chunk(1, evtx_files.images(1, 30))
    new = bytearray(evtx_files.chunk(101, evtx_files.images(101, 5)))
    at, _ = record_at(new, 5)
    new[at:] = old[at:]
    texts, holes = read_chunk(bytes(new))
    assert names_in(texts) == wanted(range(101, 106))
    assert holes == []


def test_truncated_chunk_keeps_its_whole_records() -> None:
    chunk = evtx_files.chunk(1, evtx_files.images(1, 30))
    at, _ = record_at(chunk, 20)
    texts, holes = read_chunk(chunk[: at + 100])
    assert names_in(texts) == wanted(range(1, 21))
    assert sum(hole.count for hole in holes) == 10


def test_end_of_a_file_in_the_middle_of_a_header_is_a_hole() -> None:
    assert [hole.reason for hole in read_chunk(b"ElfChnk\0" + bytes(20))[1]] == ["truncated chunk"]


def test_random_damage_never_raises_and_never_invents() -> None:
    seeded = random.Random(3)
    sound = evtx_files.chunk(1, evtx_files.images(1, 20))
    end = evtx_files.FIRST + 20 * 700
    for _ in range(60):
        chunk = bytearray(sound)
        at = seeded.randrange(end)
        chunk[at : at + seeded.randrange(1, 400)] = seeded.randbytes(seeded.randrange(1, 400))
        texts, holes = read_chunk(bytes(chunk[: evtx_files.CHUNK]))
        assert len(texts) <= 20
        assert len(texts) == 20 or holes
