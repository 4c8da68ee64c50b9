from __future__ import annotations

import pytest

from hisn.rules.pack import RuleSource
from hisn.rules.sigma.documents import Map, read_documents
from hisn.rules.sigma.metadata import derived_id, read_logsource, read_metadata
from hisn.rules.sigma.refusal import RefusedError

DIGEST = "ab" * 32


def root(text: str) -> Map:
    (document,) = read_documents(text.encode())
    assert isinstance(document.root, Map)
    return document.root


def test_everything_people_read_is_kept() -> None:
    head = read_metadata(
        root(
            "title: T\nid: 929A690E-BEF0-4204-A928-EF5E620D6FCC\nname: n\nlevel: High\nstatus: test\n"
            "description: |\n    D\nauthor: A (org), B\ndate: 2024-01-02\nmodified: 2024/03/04\n"
            "references: [r]\ntags: [attack.t1059]\nfalsepositives: [f]\nfields: [x]\nlicense: MIT\n"
        ),
        DIGEST,
        "DRL-1.1",
    )
    assert head.problems == ()
    assert (head.id, head.name, head.level) == ("929a690e-bef0-4204-a928-ef5e620d6fcc", "n", "high")
    info = head.info
    assert (info.title, info.description, info.author, info.status) == ("T", "D", "A (org), B", "test")
    assert (info.date, info.references, info.tags) == ("2024/03/04", ("r",), ("attack.t1059",))
    assert (info.falsepositives, info.fields, info.licence) == (("f",), ("x",), "MIT")


def test_the_licence_of_the_collection_holds_where_a_rule_names_none() -> None:
    assert read_metadata(root("title: T\nlevel: low\n"), DIGEST, "DRL-1.1").info.licence == "DRL-1.1"


def test_a_rule_without_an_id_gets_one_from_its_bytes() -> None:
    head = read_metadata(root("title: T\nlevel: low\n"), DIGEST, "")
    assert head.id == derived_id(DIGEST) == "abababab-abab-5bab-abab-abababababab"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("id: 5", "UUID"),
        ("id: abc", "UUID"),
        ("level: hig", "level"),
        ("level: 5", "level"),
        ("status: odd", "status"),
        ("date: 31.1.2024", "date"),
        ("tags: attack", "tags"),
        ("tags: [attack]", "tag"),
        ("references: r", "references"),
        ("falsepositives: r", "falsepositives"),
        ("author: [a]", "author"),
        ("related: x", "related"),
        ("scope: x", "scope"),
    ],
)
def test_mistakes_in_what_people_read_are_noted_with_their_line(line: str, reason: str) -> None:
    """Yamato-Security/hayabusa#560: a wrong level ended the whole program."""
    text = f"title: T\n{line}\n" + ("" if line.startswith("level") else "level: low\n")
    head = read_metadata(root(text), DIGEST, "")
    ((at, said),) = head.problems
    assert at == 2
    assert reason in said


def test_a_rule_without_a_level_is_neither_hidden_nor_an_alarm() -> None:
    head = read_metadata(root("title: T\n"), DIGEST, "")
    assert head.level == "medium"
    assert [reason for _, reason in head.problems] == ["no level is given; taken as medium"]


def test_another_taxonomy_is_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        read_metadata(root("title: T\ntaxonomy: ecs\n"), DIGEST, "")
    assert (caught.value.code, caught.value.line) == ("E2111", 2)


def test_hostile_metadata_cannot_stop_a_rule() -> None:
    head = read_metadata(
        root("title: T\nlevel: low\nrelated: [{id: 1, type: []}]\ntags: {a: b}\n"), DIGEST, ""
    )
    assert head.problems


def test_log_sources_are_lower_case() -> None:
    source = read_logsource(
        root("logsource: {Product: x, product: Windows, category: ' Process_Creation ', service: ~}\n")
    )
    assert source == RuleSource(product="windows", category="process_creation")


@pytest.mark.parametrize(
    "text",
    [
        "title: T",
        "logsource: windows",
        "logsource: {}",
        "logsource: {product: ''}",
        "logsource: {product: [a]}",
        "logsource: {definition: x}",
    ],
)
def test_a_log_source_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read_logsource(root(text + "\n"))
    assert caught.value.code == "E2101"
