"""A source is what its content says: no format claims another's lines, whatever the file is called."""

from __future__ import annotations

from importlib import import_module

import pytest
from tests.attacks.samples import SAMPLES

from hisn.events import sources
from hisn.events.source import DocumentFormat, LineFormat

JSON = {
    "json_lines": b'{"EventID": 4688, "Channel": "Security"}\n{"EventID": 1, "Channel": "x"}\n',
    "json_document": b'[{"EventID": 4688, "Channel": "Security"}]\n',
}
ALL = {**SAMPLES, **JSON}


def form_of(name: str) -> LineFormat | DocumentFormat:
    form: LineFormat | DocumentFormat = import_module(f"hisn.events.sources.{name}").FORMAT
    return form


@pytest.mark.parametrize("name", sorted(ALL))
def test_registry_finds_the_format_of_each_sample(name: str) -> None:
    found = sources.sniff(ALL[name])
    assert found is not None
    assert found.name == form_of(name).name


@pytest.mark.parametrize("name", sorted(ALL))
def test_no_other_format_claims_a_sample_as_surely(name: str) -> None:
    own = form_of(name).sniff(ALL[name])
    others = {other: form_of(other).sniff(ALL[name]) for other in ALL if other != name}
    rivals = {other: score for other, score in others.items() if score >= own}
    # jsonlog and election logs are JSON, too; they are asked first and surer of themselves.
    assert rivals == {}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_head_cut_anywhere_is_never_another_format(name: str) -> None:
    data = SAMPLES[name]
    accepted = {form_of(name).name, None}
    if name in ("postgres_json", "nist_1500_101_json"):
        accepted |= {"json-lines", "json"}  # cut before the words that tell them apart
    for cut in range(0, len(data), 7):
        found = sources.sniff(data[:cut])
        assert (found.name if found else None) in accepted, data[:cut]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\n\n\n",
        b"\x00" * 4096,
        b"hello\nworld\n",
        b"2016-09-28 04:30:30, Info                  CBS    Loaded Servicing Stack v6.1.7601\n" * 9,
        b"# A heading\n\nSome prose, with commas, and more.\nAnother line of it.\n",
        b"title: a rule\nlogsource:\n    category: webserver\n",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        b"\x7fELF\x02\x01\x01" + bytes(64),
        b"<html><body>ElectionEventLog</body></html>\n",
        b"203.0.113.7\n203.0.113.8\n",
    ],
)
def test_what_is_no_log_is_claimed_by_nobody(head: bytes) -> None:
    assert sources.sniff(head) is None
