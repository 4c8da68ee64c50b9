"""Recheck a finding of another member with everything that it rests on, on one's own node.

The order is that of trust: the pack is verified against one's own genesis; the encrypted files and
keys against the acts in the pack; what is read from them against the roots in the log.  Only then is
it judged, by one's own rules, and compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hisn import __version__
from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import Head, Ref, Statement, parse_statement
from hisn.app.evdata import EvData, open_evdata
from hisn.app.home import Node
from hisn.app.intake import intake_folder
from hisn.app.rejudge import By, Claim, Difference, Outcome, Reason, Verdict, compare, judge_again
from hisn.app.reread import BatchAct, OtherRootError, Reread, reread
from hisn.app.sealing import Basis
from hisn.app.unseal import unseal
from hisn.errors import VerificationError
from hisn.events.mapping import load_mapping
from hisn.evidence.disclosure import Value
from hisn.evidence.pack import parse_pack
from hisn.rules.correlation import Correlation
from hisn.rules.pack import Pack, Rule, pick
from hisn.tlog.checkpoint import parse_signed_checkpoint
from hisn.tlog.proof import parse_tlog_proof
from hisn.verify.check import verify_pack
from hisn.verify.steps import Report, Result, Shown

_HINT = "ask the member who disclosed it for the file again"


@dataclass(frozen=True, slots=True)
class Stated:
    """Hold a finding of a verified pack: its act, the state of the log that proves it, what it says."""

    place: Ref
    head: Head
    claim: Claim


@dataclass(frozen=True, slots=True)
class Rechecked:
    """Hold what a recheck gave; `files` are the names of the files that were read."""

    stated: Stated
    report: Report
    verdict: Verdict

    @property
    def files(self) -> tuple[str, ...]:
        """Return the names of the files that were read."""
        return tuple(dict.fromkeys(act.file for act in self.stated.claim.batches))

    @property
    def is_witnessed(self) -> bool:
        """Tell whether a quorum has seen the finding."""
        return self.report.result is Result.VALID


def recheck(node: Node, path: Path, rules: Pack) -> Rechecked:
    """Return what a finding is, judged again from a file that its owner disclosed.

    Raises VerificationError (the file is not what the log says), StorageError.
    """
    with open_evdata(path) as data:
        report, stated = read_stated(data.pack(), node.charter.genesis)
        by, reason = comparable(stated.claim, rules)
        if by is None:
            return Rechecked(stated, report, Verdict(Outcome.INCOMPARABLE, reason=reason))
        with intake_folder(node.places.intake) as folder:
            return Rechecked(stated, report, _judge(stated, by, _opened(data, stated.claim, folder)))


def read_stated(pack: bytes, genesis: bytes) -> tuple[Report, Stated]:
    """Return a pack's report, and the finding that it shows with all its fields and batches.

    Raises VerificationError: E3384 the pack does not verify, E3385 it hides something.
    """
    report = verify_pack(pack, genesis=genesis)
    shown = report.shown
    if shown is None or shown.number is None or report.result is Result.FORK_PROVEN:
        why = report.failed.detail if report.failed else report.result.value
        raise VerificationError("E3384", f"the pack in the file does not verify: {why}", hint=_HINT)
    files = parse_pack(pack)
    claim = _claim(shown, files)
    act = shown.acts[shown.number]
    proof = parse_tlog_proof(files[f"acts/{shown.number:04d}.tlog-proof"])
    head = parse_signed_checkpoint(proof.checkpoint_bytes).checkpoint
    place = Ref(head.origin, act.index, act.leaf_hash)
    return report, Stated(place, Head(head.origin, head.size, head.root), claim)


def _claim(shown: Shown, files: Mapping[str, bytes]) -> Claim:
    if shown.hidden:
        raise VerificationError(
            "E3385", f"the pack hides fields of the finding: {shown.hidden[0]}", hint=_HINT
        )
    batches = tuple(
        BatchAct(shown.acts[batch.act].index, statement_of(files, batch.act).public, batch.fields)
        for batch in shown.batches
    )
    events = dict(_named(shown.finding["batches"]))
    if missing := events.keys() - {batch.index for batch in batches}:
        raise VerificationError(
            "E3385", f"the pack lacks the batch of entry {min(missing)}, which the finding names", hint=_HINT
        )
    return Claim(shown.finding, batches, events)


def statement_of(files: Mapping[str, bytes], number: int) -> Statement:
    """Return the statement of an act in a pack that was verified."""
    return parse_statement(parse_envelope(files[f"acts/{number:04d}.leaf"]).payload)


def _named(value: Value) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield entry and events of the batches that a finding names; the verifier has seen their form."""
    for item in value if isinstance(value, tuple) else ():
        match item:
            case (int(leaf), str(), tuple(events)):
                yield leaf, tuple(event for event in events if isinstance(event, int))
            case _:
                raise VerificationError("E3513", "the finding's list of batches is not in its form")


def comparable(claim: Claim, rules: Pack) -> tuple[By | None, Reason | None]:
    """Return what to judge by, or why this program cannot compare anything."""
    readers = {str(batch.public["parser"]).split(" ")[1:2] == [__version__] for batch in claim.batches}
    if claim.text("engine") != __version__ or False in readers:
        return None, Reason.ENGINE
    mappings = {claim.text("mapping"), *(str(batch.public["mapping"]) for batch in claim.batches)}
    if mappings != {load_mapping().digest}:
        return None, Reason.MAPPING
    everything: tuple[Rule | Correlation, ...] = (*rules.rules, *rules.correlations)
    digest = claim.text("rule_digest")
    same = [each for each in everything if each.digest == digest]
    if not same:
        return None, Reason.RULE
    chosen = next((each for each in same if each.id == claim.text("rule_id")), same[0])
    return By(digest, pick(rules, chosen)), None


def _opened(data: EvData, claim: Claim, folder: Path) -> Iterator[Reread]:
    """Yield the batches, file by file; a file's clear copy is gone before the next one is made."""
    keys = data.keys()
    files: dict[tuple[bytes, bytes, object], list[BatchAct]] = {}
    for act in claim.batches:
        files.setdefault((act.ciphertext, act.commitment, act.public["raw"]), []).append(act)
    for (ciphertext, commitment, _raw), acts in files.items():
        parts = data.parts(ciphertext)
        if parts is None or commitment not in keys:
            raise VerificationError(
                "E3385", f"the file lacks what the batch of entry {acts[0].index} was read from", hint=_HINT
            )
        path = unseal(acts[0], keys[commitment], parts, folder)
        yield from reread(acts, path, keys[commitment])
        Path(path).unlink()


def _judge(stated: Stated, by: By, batches: Iterator[Reread]) -> Verdict:
    claim, mapping = stated.claim, load_mapping()
    try:
        judged = judge_again(by, mapping, claim.window, batches, stated.place.origin)
    except OtherRootError as error:
        # What was sealed is not in the file that the same act commits to: that is the owner's word.
        got = None if error.root is None else error.root.hex()
        expected = str(error.act.public["root"])
        difference = Difference(f"batches.{error.act.index}.root", expected, got)
        return Verdict(Outcome.DIFFERENT, (difference,))
    return compare(claim, judged, Basis(mapping.digest, claim.window))
