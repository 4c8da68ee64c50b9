"""Offer ``hisn evidence disclose`` and ``recheck``: let another member find a finding again, and answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hisn import __version__
from hisn.cli.secret import passphrase
from hisn.present.i18n import _, mark
from hisn.present.layout import labelled
from hisn.present.tech import prose, tech

if TYPE_CHECKING:
    from hisn.app.home import Node
    from hisn.app.recheck import Rechecked
    from hisn.app.rejudge import Claim
    from hisn.evidence.disclosure import Value
    from hisn.rules.pack import Pack

EXIT_INCOMPARABLE = 3
EXIT_DIFFERENT = 4
EXIT_UNWITNESSED = 5

REASONS = {
    "engine": mark(
        "It was made by another version of Hisn: {theirs}, and this is {ours}. Recheck it with that version."
    ),
    "mapping": mark(
        "It was made by another mapping of fields to the names in rules: recheck it with the version of Hisn "
        "that has mapping {theirs}."
    ),
    "rule": mark(
        "The rule {theirs} is not among yours. Get it from its author, not from the sender, and name it by "
        "--rules; where it has placeholders, name their file by --placeholders."
    ),
    "cut": mark(
        "It names only the first of its records, as findings under a flood do. Each of those named is a hit; "
        "how many there were in all cannot be said from them."
    ),
    "missing": mark(
        "It is of a correlation about which records can decide that it does not name: where fewer events are "
        "asked for, or none of some kind, or where correlations judge one another. Every event that it names "
        "is a hit of its rules."
    ),
    "joined": mark(
        "It is the sum of several findings, as under a flood hits are joined. Every event that it names is a "
        "hit, and no other was left out."
    ),
}


def opened() -> Node:
    """Open this machine's node."""
    from hisn.app.home import open_node
    from hisn.storage.files import home_folder

    return open_node(home_folder(), passphrase)


@click.command(
    help=_("Write everything that a finding rests on into one file, for another member to recheck it.")
    + "\n\n\b\nhisn evidence disclose f-3fd2 -o f.evdata\n\n"
    + _(
        "It gives away whole files: whoever has it reads every record of them, not only those of the finding."
    )
    + " "
    + _("For a stranger write a proof pack instead: hisn evidence pack.")
)
@click.argument("finding", metavar="FINDING")
@click.option("--unwitnessed", is_flag=True,
              help=_("Write it even if no quorum of witnesses has seen the finding yet."))  # fmt: skip
@click.option("-o", "--output", required=True, metavar="FILE", type=click.Path(path_type=Path),
              help=_("Where to write the file."))  # fmt: skip
def disclose(*, finding: str, unwitnessed: bool, output: Path) -> int:
    """Say what the file gives away, and write it."""
    from hisn.app.disclose import prepare_disclosure, write_disclosure

    with opened() as node:
        prepared = prepare_disclosure(node, finding, unwitnessed=unwitnessed)
        click.echo(_("Whoever has {path} can read the whole of:").format(path=tech(output)))
        for name in prepared.files:
            click.echo(f"  {tech(name)}")
        click.echo(
            _("Every record of them is in it, encrypted, and beside it the keys; that cannot be taken back.")
        )
        write_disclosure(node, prepared, output)
    lines = (
        _("Wrote {path}. Hand it to members only whom you trust with these files, on a safe way.").format(
            path=tech(output)
        ),
        _("They run:"),
        f"  hisn evidence recheck {output}",
    )
    click.echo("\n".join(lines))
    return prepared.report.exit_code


@click.command(
    help=_("Find a finding of another member again, from the file he disclosed, by your own rules.")
    + "\n\n\b\nhisn evidence recheck f.evdata\n"
    + "hisn evidence recheck f.evdata --rules sigma/ --log\n"
    + "hisn evidence recheck --disclosed f.evpack --genesis 5f1c…\n\n"
    + _(
        "With --disclosed a proof pack is judged by the fields that it shows; what hidden fields would have "
        "to tell is said."
    )
    + "\n\n"
    + _(
        "Exit codes: 0 the same, 2 usage, 3 cannot be compared or cannot be told, 4 different, or not what "
        "the log says, 5 the same, but not witnessed by a quorum, 6 storage or network."
    )
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--rules",
    "rules",
    multiple=True,
    metavar="PATH",
    type=click.Path(path_type=Path),
    help=_("Your rules: a folder, a rule file or a pack (default: the election rules of Hisn)."),
)
@click.option("--placeholders", metavar="FILE", type=click.Path(path_type=Path),
              help=_("Values for the placeholders in your rules."))  # fmt: skip
@click.option(
    "--log",
    is_flag=True,
    help=_("Put the outcome into this node's log, as a recheck or a dissent, and publish it."),
)
@click.option("--disclosed", is_flag=True, help=_("FILE is a proof pack: judge by what it shows."))
@click.option("--genesis", metavar="DIGEST",
              help=_("The unit's genesis digest, with --disclosed on a machine without a node."))  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document."))
def recheck(
    *,
    file: Path,
    rules: tuple[Path, ...],
    placeholders: Path | None,
    log: bool,
    disclosed: bool,
    genesis: str | None,
    as_json: bool,
) -> int:
    """Recheck and say what came out; with --log, for the other members, too."""
    from hisn.app.wiring import load_rule_pack

    if disclosed and log:
        raise click.UsageError(_("--log needs the whole file (f.evdata): a proof pack shows too little."))
    if genesis and not disclosed:
        raise click.UsageError(_("--genesis goes with --disclosed; your node knows its unit."))
    pack = load_rule_pack(rules, placeholders)
    if disclosed:
        from hisn.cli.disclosed import recheck_disclosed

        return recheck_disclosed(file, pack, genesis, as_json=as_json)
    return _recheck(file, pack, as_json=as_json, log=log)


def _recheck(file: Path, pack: Pack, *, as_json: bool, log: bool) -> int:
    from hisn.app.recheck import recheck as run
    from hisn.app.rejudge import Outcome

    with opened() as node:
        done = run(node, file, pack)
        if not as_json:
            _say(done)
        answer = _answer(node, done) if log else None
    if as_json:
        click.echo(json.dumps(_as_json(done, answer), indent=1))
    elif answer:
        click.echo(answer.sentence)
    match done.verdict.outcome:
        case Outcome.SAME:
            is_seen = done.is_witnessed and (answer is None or answer.is_published)
            return 0 if is_seen else EXIT_UNWITNESSED
        case Outcome.DIFFERENT:
            return EXIT_DIFFERENT
        case Outcome.INCOMPARABLE:
            return EXIT_INCOMPARABLE


@dataclass(frozen=True, slots=True)
class _Answer:
    """Hold where the answer stands, and what its author is told of it."""

    place: int
    is_published: bool
    sentence: str


def _answer(node: Node, done: Rechecked) -> _Answer:
    from hisn.app.publish import publish
    from hisn.app.reply import reply
    from hisn.cli.seal import witnessing

    place, is_new = reply(node, done)
    published = publish(node)
    text = (
        _("It is entry {place} of this node's log.")
        if is_new
        else _("This node has said the same before: entry {place} of its log.")
    )
    sentence = f"{text.format(place=tech(place.index))} {witnessing(published)}"
    return _Answer(place.index, published.is_published, sentence)


def _say(done: Rechecked) -> None:
    stated, verdict = done.stated, done.verdict
    claim = stated.claim
    head = _("{title}: finding {id} of {origin}, entry {place} of its log")
    click.echo(
        head.format(
            title=prose(claim.text("title")),
            id=tech(claim.text("id")),
            origin=tech(stated.place.origin),
            place=tech(stated.place.index),
        )
    )
    click.echo(
        {
            "same": _("SAME: your node finds it, too, with every field as it was stated."),
            "different": _("DIFFERENT: your node does not find it as it was stated."),
            "incomparable": _("Cannot be compared."),
        }[verdict.outcome.value]
    )
    if verdict.reason:
        click.echo(reason_text(verdict.reason.value, claim))
    for each in verdict.differences if verdict.reason is None else ():
        click.echo(f"  {tech(each.field)}")
        for label, value in ((_("stated"), each.expected), (_("found"), each.got)):
            click.echo(labelled(label, shown_value(value), indent=4, label_width=8, width=None)[0])
    if not done.is_witnessed:
        click.echo(_("No quorum of witnesses has seen the finding."), err=True)


def reason_text(reason: str, claim: Claim) -> str:
    """Return why nothing could be compared."""
    theirs = {"engine": "engine", "mapping": "mapping", "rule": "rule_digest"}.get(reason, "id")
    return _(REASONS[reason]).format(theirs=tech(claim.text(theirs)), ours=tech(__version__))


def shown_value(value: Value) -> str:
    """Return a value of a finding for a person."""
    return "–" if value is None else tech(value)


def _as_json(done: Rechecked, answer: _Answer | None) -> dict[str, object]:
    stated, verdict = done.stated, done.verdict
    return {
        "schema": "hisn.recheck.v1",
        "finding": stated.claim.text("id"),
        "origin": stated.place.origin,
        "entry": stated.place.index,
        "outcome": verdict.outcome.value,
        "reason": verdict.reason.value if verdict.reason else None,
        "differences": [
            {"field": each.field, "expected": each.expected, "got": each.got} for each in verdict.differences
        ],
        "files": list(done.files),
        "witnessed": done.is_witnessed,
        "answer": {"entry": answer.place, "published": answer.is_published} if answer else None,
    }
