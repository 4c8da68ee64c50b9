"""Run every rule of the election pack on its examples, through the real readers, mapping and engine."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from hisn.app.correlated import RunCorrelations
from hisn.elections.pack import bundled_examples, bundled_rules
from hisn.engine.plan import compile_plan
from hisn.engine.reference import holds
from hisn.engine.scan import Scanner
from hisn.events.batch import Chunk
from hisn.events.declare import Declarations
from hisn.events.mapping import load_mapping
from hisn.events.open import discover, read
from hisn.events.schema import Declaration
from hisn.rules.correlation import Correlation, silenced
from hisn.rules.expr import And, Expr, Not, Or, Regex
from hisn.rules.pack import LEVELS, Pack, Rule
from hisn.rules.sigma import build_pack

PHASES = {
    "any", "pre", "registration_close", "early_voting", "voting", "counting", "reporting", "canvass", "certified",
}  # fmt: skip
CORRELATED = [rule.path.removesuffix(".yml") for rule in bundled_rules() if b"\ncorrelation:\n" in rule.data]
STEMS = [stem for rule in bundled_rules() if (stem := rule.path.removesuffix(".yml")) not in CORRELATED]


class Examples(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    format: str
    records: int
    holes: int
    fired: frozenset[str]


@cache
def pack() -> Pack:
    return build_pack("hisn-elections", bundled_rules())


def rule_of(stem: str) -> Rule:
    (rule,) = (rule for rule in pack().rules if rule.path == f"{stem}.yml")
    return rule


def examples_of(stem: str) -> Examples:
    table = tomllib.loads(bundled_examples()[stem].decode())
    return msgspec.convert(table, Examples)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Write every example into a file of its own and judge them all in one batch."""
    folder = tmp_path_factory.mktemp("examples")
    for stem in STEMS:
        examples = examples_of(stem)
        for label, texts in (("positive", examples.positive), ("negative", examples.negative)):
            for number, text in enumerate(texts):
                (folder / f"{stem}.{label}.{number}").write_text(text + "\n", encoding="utf-8")
    chunks = list(chunks_of(folder))
    hits: dict[str, set[str]] = {chunk.source: set() for chunk in chunks}
    for block in Scanner(compile_plan(pack()), load_mapping(), use_hyperscan=False).scan(chunks).hits:
        hits[block.source].add(pack().rules[block.rule].path.removesuffix(".yml"))
    return {
        chunk.source: Outcome(chunk.kind, chunk.records, len(chunk.unparsed), frozenset(hits[chunk.source]))
        for chunk in chunks
    }


def chunks_of(folder: Path) -> Iterator[Chunk]:
    discovery = discover([str(folder)], Declarations(default=Declaration()))
    assert discovery.notes == ()
    for task in discovery.tasks:
        for piece in read(task):
            if isinstance(piece, Chunk):
                yield piece


def regexes(expression: Expr) -> Iterator[Regex]:
    match expression:
        case And(items) | Or(items):
            for item in items:
                yield from regexes(item)
        case Not(item):
            yield from regexes(item)
        case Regex():
            yield expression
        case _:
            pass


def test_every_rule_is_judged_and_none_refused() -> None:
    assert pack().refused == ()
    assert pack().notes == ()
    assert len(STEMS) >= 25
    assert len(CORRELATED) >= 10


def test_the_pack_covers_every_family_of_the_design() -> None:
    for stems in (STEMS, CORRELATED):
        families = {stem.partition("_")[0] for stem in stems}
        assert families == {"web", "ems", "db", "logon", "device"}


def test_every_example_has_a_rule_and_every_rule_has_examples() -> None:
    assert sorted(bundled_examples()) == sorted((*STEMS, *CORRELATED))


def test_no_two_rules_share_an_id() -> None:
    identifiers = [each.id for each in everything()]
    assert len(set(identifiers)) == len(identifiers)
    assert all(UUID(identifier).version == 4 for identifier in identifiers)


def everything() -> tuple[Rule | Correlation, ...]:
    return (*pack().rules, *pack().correlations)


@pytest.mark.parametrize("rule", everything(), ids=lambda rule: f"{rule.path}:{rule.line}")
def test_a_rule_says_what_people_need_to_know(rule: Rule | Correlation) -> None:
    info = rule.info
    assert info.author == "Hisn project"
    assert info.licence == "Apache-2.0"
    assert info.status in ("test", "experimental")
    assert rule.level in LEVELS[1:]
    assert info.description.endswith(".")
    assert info.falsepositives
    assert any(re.fullmatch(r"attack\.t\d{4}(?:\.\d{3})?", tag) for tag in info.tags)
    phases = {tag.removeprefix("hisn.phase.") for tag in info.tags if tag.startswith("hisn.phase.")}
    assert phases
    assert phases <= PHASES


@pytest.mark.parametrize("stem", STEMS)
def test_a_rule_fires_on_its_positive_examples(stem: str, outcomes: dict[str, Outcome]) -> None:
    examples = examples_of(stem)
    assert examples.positive
    for number, text in enumerate(examples.positive):
        outcome = outcomes[f"{stem}.positive.{number}"]
        assert (outcome.format, outcome.records, outcome.holes) == (examples.format, 1, 0), text
        assert stem in outcome.fired, text


@pytest.mark.parametrize("stem", STEMS)
def test_a_rule_stays_silent_on_its_negative_examples(stem: str, outcomes: dict[str, Outcome]) -> None:
    examples = examples_of(stem)
    assert examples.negative
    for number, text in enumerate(examples.negative):
        outcome = outcomes[f"{stem}.negative.{number}"]
        assert (outcome.format, outcome.records, outcome.holes) == (examples.format, 1, 0), text
        assert stem not in outcome.fired, text


def correlate(stem: str, text: str, tmp_path: Path) -> set[str]:
    """Return the file stems of the correlations that find something in one log."""
    (tmp_path / stem).write_text(text + "\n", encoding="utf-8")
    run = RunCorrelations(pack(), "", lambda _source: "")
    scanner = Scanner(
        compile_plan(pack()), load_mapping(), use_hyperscan=False, wanted=run.wanted, silenced=run.silenced
    )
    for chunk in chunks_of(tmp_path):
        assert (chunk.kind, len(chunk.unparsed)) == (examples_of(stem).format, 0)
        assert chunk.records > 0
        run.add(scanner.scan([chunk]).marks)
    found, tally = run.finish()
    assert tally.unplaced == ()
    paths = {each.digest: each.path for each in pack().correlations}
    return {paths[finding.rule_digest].removesuffix(".yml") for finding in found}


@pytest.mark.parametrize("stem", CORRELATED)
def test_a_correlation_fires_on_its_positive_examples(stem: str, tmp_path: Path) -> None:
    assert len(examples_of(stem).positive) >= 2
    for text in examples_of(stem).positive:
        assert stem in correlate(stem, text, tmp_path), text


@pytest.mark.parametrize("stem", CORRELATED)
def test_a_correlation_stays_silent_on_its_negative_examples(stem: str, tmp_path: Path) -> None:
    assert len(examples_of(stem).negative) >= 2
    for text in examples_of(stem).negative:
        assert stem not in correlate(stem, text, tmp_path), text


def test_rules_that_were_findings_before_still_are() -> None:
    """Correlations silence only what says nothing by itself."""
    silent = {pack().rules[index].path.removesuffix(".yml") for index in silenced(pack())}
    assert silent <= set(CORRELATED)


def test_the_plain_engine_judges_the_examples_alike(outcomes: dict[str, Outcome], tmp_path: Path) -> None:
    mapping = load_mapping()
    for stem in STEMS[::5]:  # the columnar engine is compared in full on the corpora
        text = examples_of(stem).positive[0]
        (tmp_path / stem).write_text(text + "\n", encoding="utf-8")
    for chunk in chunks_of(tmp_path):
        ((block, row),) = chunk.rows()
        record = mapping.record(block, row)
        assert holds(rule_of(chunk.source).condition, record, examples_of(chunk.source).positive[0])


def test_no_rule_could_be_made_to_backtrack() -> None:
    import re2

    for rule in pack().rules:
        for regex in regexes(rule.condition):
            re2.compile(regex.pattern)  # refuses what cannot be judged in linear time


def test_examples_name_nobody_real() -> None:
    inside_or_documentation = re.compile(
        r"(?:10|127|192\.0\.2|198\.51\.100|203\.0\.113|192\.168|169\.254)[.\d]*"
    )
    for stem, data in bundled_examples().items():
        for address in re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", data.decode()):
            assert inside_or_documentation.fullmatch(address) or address == "141.0.0.0", (stem, address)
