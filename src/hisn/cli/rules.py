"""Offer ``hisn rules``: get, check, explain and pack detection rules."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hisn.present.i18n import _
from hisn.present.tech import prose, tech

if TYPE_CHECKING:
    from hisn.app.rules_coverage import RulesCoverage
    from hisn.rules.correlation import Correlation
    from hisn.rules.pack import Pack, Refused, Rule

EXIT_REFUSED = 3

_GROUP_EXAMPLES = """

\b
hisn rules get
hisn rules check my-rules/
hisn rules build sigma/ -o sigma.pack
hisn rules explain 929a690e-bef0-4204-a928-ef5e620d6fcc --rules sigma/
hisn rules coverage --rules sigma.pack
"""

_rules_option = click.option(
    "-r",
    "--rules",
    "paths",
    multiple=True,
    metavar="PATH",
    type=click.Path(path_type=Path),
    help=_("Rules: files, folders or packs (default: the bundled election rules)."),
)
_placeholders_option = click.option(
    "--placeholders",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=_("Values for placeholders in rules (TOML)."),
)
_json_option = click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document."))
_paths_argument = click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path)
)


@click.group(help=_("Get, check, explain and pack detection rules.") + _GROUP_EXAMPLES, no_args_is_help=True)
def rules() -> None:
    """Hold the commands below."""


@rules.command(
    help=_("Build a pack: one file with all rules, pinned by its digest.")
    + "\n\n\b\nhisn rules build sigma/ own-rules/ -o all.pack\nhisn guard logs/ --rules all.pack"
)
@_paths_argument
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=_("Where to write the pack."),
)
@_placeholders_option
@_json_option
def build(*, paths: tuple[Path, ...], output: Path, placeholders: Path | None, as_json: bool) -> int:
    """Write a pack and say what is in it; exit 3 where rules were refused."""
    from hisn.rules.pack import encode_pack
    from hisn.storage.files import write_whole

    pack = _load(paths, placeholders)
    write_whole(output, encode_pack(pack))
    if as_json:
        _print_json(_summary(pack) | {"output": str(output)})
    else:
        _print_summary(pack)
        click.echo(f"{_('pack')}: {tech(output)}")
    return EXIT_REFUSED if pack.refused else 0


@rules.command(
    help=_(
        "Get published rules: SigmaHQ's latest release, or an https address, a ZIP archive or a folder. "
        "The digest is checked if given, and always printed. A folder got before is replaced whole."
    )
    + "\n\n\b\nhisn rules get\nhisn rules get sigma_all_rules.zip --sha256 D -o rules/"
)
@click.argument("source", required=False, metavar="[URL|ARCHIVE|FOLDER]")
@click.option("--sha256", metavar="D", help=_("The SHA-256 that the archive must have."))
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help=_("Where to put the rules (default: the folder of this node)."),
)
@_json_option
def get(*, source: str | None, sha256: str | None, output: Path | None, as_json: bool) -> int:
    """Get rules, show their licence, and say what is in them."""
    import msgspec

    from hisn.app.rules_get import SIGMAHQ, default_folder, get_rules

    got = get_rules(source or SIGMAHQ, output or default_folder(), sha256)
    pack = _load((got.folder,), None)
    if as_json:
        _print_json(_summary(pack) | msgspec.to_builtins(got, enc_hook=str))
        return EXIT_REFUSED if pack.refused else 0
    click.echo(f"{_('source')}: {tech(got.source)}")
    click.echo(f"SHA-256: {tech(got.sha256)}")
    click.echo(f"{_('folder')}: {tech(got.folder)}")
    click.echo(f"{_('licence')}: {tech(got.licence) if got.licence else _('not stated')}")
    if got.licence_text:
        click.echo("")
        for line in got.licence_text.splitlines():
            click.echo(f"    {prose(line, None)}")
        click.echo("")
    click.echo(_("Every rule keeps its author; findings name rule, author and licence."))
    _print_summary(pack)
    click.echo(f"{_('use them with')}: hisn guard PATH --rules {tech(got.folder)}")
    return EXIT_REFUSED if pack.refused else 0


@rules.command(
    help=_("Check rules: name every problem with its file and line. Exit code 3 where a rule is refused.")
    + "\n\n\b\nhisn rules check my-rules/\nhisn rules check rule.yml --json"
)
@_paths_argument
@_placeholders_option
@_json_option
def check(*, paths: tuple[Path, ...], placeholders: Path | None, as_json: bool) -> int:
    """Print each problem as ``path:line: kind[code]: reason``."""
    import msgspec

    pack = _load(paths, placeholders)
    if as_json:
        listed = {
            "refused": msgspec.to_builtins(pack.refused),
            "notes": msgspec.to_builtins(pack.notes),
            "correlations": [
                {"path": each.path, "line": each.line, "id": each.id, "title": each.info.title}
                for each in pack.correlations
            ],
        }
        _print_json(_summary(pack) | listed)
        return EXIT_REFUSED if pack.refused else 0
    # With one folder, places are paths that an editor can open.
    lead = f"{paths[0]}/" if len(paths) == 1 and paths[0].is_dir() else ""
    _print_problems(_("refused"), pack.refused, lead)
    _print_problems(_("note"), pack.notes, lead)
    _print_summary(pack, are_refused_listed=True)
    return EXIT_REFUSED if pack.refused else 0


@rules.command(
    help=_("Explain a rule in plain words: what it looks for, where, and whose it is.")
    + "\n\n\b\nhisn rules explain my-rules/rule.yml\nhisn rules explain RULE_ID --rules sigma/"
)
@click.argument("wanted", metavar="RULE_ID|FILE")
@_rules_option
@_placeholders_option
@_json_option
def explain(*, wanted: str, paths: tuple[Path, ...], placeholders: Path | None, as_json: bool) -> int:
    """Explain one rule of a pack, or every rule of a file."""
    from hisn.app.rules_explain import find_rule

    if Path(wanted).is_file():
        pack = _load((Path(wanted),), placeholders)
        chosen: Sequence[Rule | Correlation] = (*pack.rules, *pack.correlations)
        _print_problems(_("refused"), pack.refused)
    else:
        pack = _load(paths, placeholders)
        chosen = (find_rule(pack, wanted),)
    if as_json:
        _print_json([_explained(pack, each) for each in chosen])
    else:
        for number, each in enumerate(chosen):
            if number:
                click.echo("")
            _print_rule(pack, each)
    return EXIT_REFUSED if Path(wanted).is_file() and pack.refused else 0


@rules.command(
    help=_("Show what the rules look for: by log source, level and ATT&CK tactic and technique.")
    + "\n\n\b\nhisn rules coverage\nhisn rules coverage --rules sigma/ --json"
)
@_rules_option
@_placeholders_option
@click.option("--all", "is_full", is_flag=True, help=_("Show whole lists instead of their heads."))
@_json_option
def coverage(*, paths: tuple[Path, ...], placeholders: Path | None, is_full: bool, as_json: bool) -> None:
    """Print the counts of a pack."""
    import msgspec

    from hisn.app.rules_coverage import cover

    found = cover(_load(paths, placeholders))
    if as_json:
        _print_json(msgspec.to_builtins(found))
    else:
        _print_coverage(found, None if is_full else 15)


def _load(paths: tuple[Path, ...], placeholders: Path | None) -> Pack:
    from hisn.app.wiring import load_rule_pack

    return load_rule_pack(paths, placeholders)


def _summary(pack: Pack) -> dict[str, object]:
    return {
        "name": pack.name,
        "digest": pack.digest,
        "rules": len(pack.rules),
        "refused": len(pack.refused),
        "correlations": len(pack.correlations),
        "notes": len(pack.notes),
    }


def _print_json(data: object) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(data)).decode() + "\n")


def _print_summary(pack: Pack, *, are_refused_listed: bool = False) -> None:
    if not are_refused_listed:
        _print_problems(_("refused"), pack.refused)
    click.echo(
        _("{rules} rules to judge, {refused} refused, {correlations} correlations, {notes} notes").format(
            rules=len(pack.rules),
            refused=len(pack.refused),
            correlations=len(pack.correlations),
            notes=len(pack.notes),
        )
    )
    click.echo(f"{_('digest')}: {tech(pack.digest)}")


def _print_problems(kind: str, entries: Iterable[Refused], lead: str = "") -> None:
    for entry in entries:
        place = tech(f"{lead}{entry.path}:{entry.line}")
        title = f" ({prose(entry.title)})" if entry.title else ""
        click.echo(f"{place}: {kind}[{entry.code}]: {prose(entry.reason)}{title}")


def _explained(pack: Pack, each: Rule | Correlation) -> dict[str, object]:
    import msgspec

    from hisn.app.rules_correlated import explain_correlation, heard_through
    from hisn.app.rules_coverage import reach_of_mapping, served_by
    from hisn.app.rules_explain import explain_condition, fields_of
    from hisn.rules.correlation import Correlation

    common = {
        "id": each.id,
        "digest": each.digest,
        "path": each.path,
        "line": each.line,
        "level": each.level,
        "info": msgspec.to_builtins(each.info),
        "heard_through": [other.id for other in heard_through(pack, each)],
    }
    if isinstance(each, Correlation):
        steps = explain_correlation(pack, each)
        said: dict[str, object] = {
            "kind": each.kind,
            "references": msgspec.to_builtins(each.references),
            "fields": list(dict.fromkeys((*each.group_by, *each.fields))),
        }
    else:
        steps = explain_condition(each.condition)
        said = {
            "logsource": msgspec.to_builtins(each.logsource),
            "served_by": served_by(each.logsource, reach_of_mapping()),
            "fields": fields_of(each.condition),
        }
    return common | said | {"looks_for": ["  " * step.depth + step.text for step in steps]}


def _print_rule(pack: Pack, each: Rule | Correlation) -> None:
    from hisn.app.rules_correlated import explain_correlation, heard_through
    from hisn.app.rules_explain import explain_condition
    from hisn.rules.correlation import Correlation

    info = each.info
    click.echo(prose(info.title))
    if info.description:
        click.echo(f"  {prose(' '.join(info.description.split()), None)}")
    for name, value in ((_("level"), tech(each.level)), *_rows(each), *_origin(each)):
        click.echo(f"  {name}: {value}")
    through = heard_through(pack, each)
    if through:
        titles = "; ".join(prose(other.info.title) for other in through)
        click.echo(f"  {_('heard only through')}: {titles}")
    if isinstance(each, Correlation):
        heading, steps = _("asks for"), explain_correlation(pack, each)
    else:
        heading, steps = _("looks for"), explain_condition(each.condition)
    click.echo(f"  {heading}:")
    for step in steps:
        click.echo("    " + "  " * step.depth + step.text)
    for name, texts in ((_("known false alarms"), info.falsepositives), (_("read more"), info.references)):
        if texts:
            click.echo(f"  {name}:")
            for text in texts:
                click.echo(f"    {prose(text)}")


def _rows(each: Rule | Correlation) -> list[tuple[str, str]]:
    from hisn.app.rules_coverage import reach_of_mapping, served_by
    from hisn.app.rules_explain import fields_of
    from hisn.rules.correlation import Correlation

    if isinstance(each, Correlation):
        fields = dict.fromkeys((*each.group_by, *each.fields))
        return [(_("correlation"), tech(each.kind)), (_("fields"), tech(", ".join(fields) or "-"))]
    source = each.logsource
    parts = (("product", source.product), ("category", source.category), ("service", source.service))
    kinds = served_by(source, reach_of_mapping())
    unfed = _("no format that is known here; declare a source")
    return [
        (_("looks at"), tech(" ".join(f"{name}={value}" for name, value in parts if value))),
        (_("fed by"), tech(", ".join(kinds)) if kinds else unfed),
        (_("fields"), tech(", ".join(fields_of(each.condition)) or "-")),
    ]


def _origin(each: Rule | Correlation) -> list[tuple[str, str]]:
    info = each.info
    return [
        (_("author"), prose(info.author) if info.author else _("not stated")),
        (_("licence"), tech(info.licence) if info.licence else _("not stated")),
        (_("status"), tech(" ".join(part for part in (info.status, info.date) if part) or "-")),
        (_("tags"), tech(", ".join(info.tags) or "-")),
        (_("id"), tech(each.id)),
        (_("digest"), tech(each.digest)),
        (_("file"), tech(f"{each.path}:{each.line}")),
    ]


def _print_coverage(found: RulesCoverage, limit: int | None) -> None:
    click.echo(
        _(
            "{rules} rules by {authors} authors; {served} have a log source that known formats can feed"
        ).format(rules=found.rules, authors=found.authors, served=found.served)
    )
    if found.correlations:
        text = _(
            "{correlations} correlations; the rules of {served} of them all have such a log source;"
            " {silent} rules are heard through correlations alone"
        )
        counts = {"served": found.correlations_served, "silent": found.silent}
        click.echo(text.format(correlations=found.correlations, **counts))
    click.echo(f"{_('digest')}: {tech(found.digest)}")
    _print_counts(_("by level"), found.levels, limit)
    for title, is_served in ((_("by log source"), True), (_("log sources that nothing here feeds"), False)):
        rows = {
            " / ".join(part or "*" for part in (row.product, row.category, row.service))
            + (f"  <- {', '.join(row.served_by)}" if row.served_by else ""): row.rules
            for row in found.sources
            if bool(row.served_by) is is_served
        }
        _print_counts(title, rows, limit)
    _print_counts(_("by ATT&CK tactic"), found.tactics, limit)
    _print_counts(_("by ATT&CK technique"), found.techniques, limit)


def _print_counts(title: str, counts: dict[str, int], limit: int | None) -> None:
    if not counts:
        return
    click.echo(f"\n{title}")
    for name, count in list(counts.items())[:limit]:
        click.echo(f"{count:>7}  {tech(name)}")
    if limit is not None and len(counts) > limit:
        rest = sum(list(counts.values())[limit:])
        more = _("and {count} more (--all shows them)").format(count=len(counts) - limit)
        click.echo(f"{rest:>7}  {more}")
