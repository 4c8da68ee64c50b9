"""Verify a proof pack: the numbered steps, in an order in which each may rely on those before it.

Follow it with a finger: `Verifier._founded` and `_states`, then `_logged`, `_opened` and `_claimed` for a
finding, `_forked` for a fork.  Each yields one `Found` per step, and raises where a step fails; what
comes after is reported as not reached then, and nothing as proven.

Duties of the caller: to get the genesis digest from somebody other than the sender of the pack, and
to read what is not proven.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from hisn.errors import VerificationError
from hisn.evidence.disclosure import Opened
from hisn.evidence.pack import parse_pack
from hisn.unit.roster import verify_roster_chain
from hisn.unit.rosterdoc import Roster, parse_charter
from hisn.verify.claim import check_answers, check_kinds, check_named, flags_of, named_batches
from hisn.verify.contradiction import find_contradiction, find_roster_fork
from hisn.verify.dates import is_overdue, shown_time, states_seen
from hisn.verify.logged import (
    ForkError,
    LoggedAct,
    State,
    check_places,
    check_roots,
    check_sequence,
    judge_states,
    newest_sizes,
    open_act,
    policy_for,
)
from hisn.verify.parts import FindingParts, ForkParts, Founding, read_parts
from hisn.verify.sayings import not_proven, proven, quorum_missing, quorum_of
from hisn.verify.sealed import open_batches, open_bodies, open_event
from hisn.verify.steps import (
    Args,
    Flag,
    Report,
    Result,
    Said,
    Shown,
    ShownAct,
    ShownBatch,
    ShownEvent,
    Status,
    Step,
)

_FIRST = ("container", "genesis", "roster", "checkpoints", "policy")
FINDING_STEPS = (
    *_FIRST,
    *("witnesses", "inclusion", "acts", "sequence", "bodies", "events"),
    *("complete", "finding", "replies", "time", "timestamps"),
)
FORK_STEPS = (*_FIRST, "fork")

Found: TypeAlias = tuple[Status, Said]
_Open: TypeAlias = tuple[Mapping[int, Opened], tuple[ShownBatch, ...], tuple[ShownEvent, ...]]
"""Sealed bodies by number of act, batches, and events."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    result: Result
    shown: Shown | None = None
    flags: tuple[Flag, ...] = ()
    fork: Said | None = None


Course: TypeAlias = Generator[Found, None, _Outcome]


def verify_pack(data: bytes, *, genesis: bytes | None) -> Report:
    """Return the report on a pack, whatever it holds; `genesis` is the digest of the unit's charter.

    Raises VerificationError only where the bytes are no pack at all.
    """
    return Verifier(genesis).verify(data)


class Verifier:
    """Verify packs of one unit. Its rosters are verified once, for most packs of a unit share them."""

    def __init__(self, genesis: bytes | None) -> None:
        self._genesis = genesis
        self._chains: dict[tuple[bytes, tuple[bytes, ...]], Sequence[Roster]] = {}

    def verify(self, data: bytes) -> Report:
        """Return the report on a pack, as `verify_pack` does."""
        files = parse_pack(data)
        try:
            founding, parts = read_parts(files)
        except VerificationError as error:
            return _report([], FINDING_STEPS, _Outcome(Result.INVALID), error)
        size = Said("files", {"count": len(files), "bytes": len(data)})
        codes = FORK_STEPS if isinstance(parts, ForkParts) else FINDING_STEPS
        return _drive(codes, self._course(founding, parts, size))

    def _course(self, founding: Founding, parts: FindingParts | ForkParts, size: Said) -> Course:
        yield Status.OK, size
        shown, chain = yield from self._founded(founding)
        try:
            if isinstance(parts, ForkParts):
                outcome = yield from _forked(shown, chain, parts, founding)
            else:
                outcome = yield from _finding(shown, chain, parts, founding.policy)
        except ForkError as fork:
            # The step failed, and what its maker signed proves more than that.
            yield Status.FAILED, fork.detail
            return _Outcome(Result.FORK_PROVEN, shown, fork=fork.proven)
        return outcome

    def _founded(self, founding: Founding) -> Generator[Found, None, tuple[Shown, Sequence[Roster]]]:
        """Take steps 2 and 3: the charter is the caller's, and the roster grew from it."""
        charter = parse_charter(founding.genesis)
        digest: Args = {"genesis": charter.genesis.hex()}
        if self._genesis is None:
            yield Status.ABSENT, Said("not-pinned", digest)
        elif self._genesis != charter.genesis:
            raise VerificationError(
                "E3502", f"the pack is of another unit: its genesis is {digest['genesis']}"
            )
        else:
            yield Status.OK, Said("pinned", digest)
        grown = founding.genesis, founding.rosters
        chain = self._chains.get(grown) or verify_roster_chain(*grown)
        self._chains = {grown: chain}
        epoch = chain[-1].epoch
        args: Args = {"unit": charter.name, "epoch": epoch, "members": len(chain[-1].active)}
        yield Status.OK, Said("epochs", args)
        is_pinned = self._genesis is not None
        return Shown(unit=charter.name, genesis=charter.genesis, is_pinned=is_pinned, epoch=epoch), chain


def _drive(codes: Sequence[str], course: Course) -> Report:
    """Let the course run to its end, or to the step that fails."""
    found: list[Found] = []
    try:
        while True:
            found.append(next(course))
    except StopIteration as end:
        outcome: _Outcome = end.value
        return _report(found, codes, outcome)
    except VerificationError as error:
        return _report(found, codes, _Outcome(Result.INVALID), error)


def _report(
    found: Iterable[Found],
    codes: Sequence[str],
    outcome: _Outcome,
    error: VerificationError | None = None,
) -> Report:
    ended = list(found)
    if error:
        ended.append((Status.FAILED, Said("failure", {"code": error.code, "message": error.message})))
    ended += [(Status.ABSENT, Said("not-reached"))] * (len(codes) - len(ended))
    is_fork = outcome.fork is not None
    return Report(
        result=outcome.result,
        steps=tuple(Step(1 + at, code, *ended[at]) for at, code in enumerate(codes)),
        proven=tuple(proven(outcome.shown, outcome.fork)) if outcome.shown else (),
        not_proven=tuple(not_proven(outcome.shown, is_fork=is_fork)),
        flags=outcome.flags,
        shown=outcome.shown,
    )


def _states(
    chain: Sequence[Roster], states: Mapping[bytes, State], first: State, policy: bytes
) -> Generator[Found, None, None]:
    """Take steps 4 and 5: the logs signed these states, and the policy in the pack is that of the first."""
    origins = {state.head.origin for state in states.values()}
    yield Status.OK, Said("signed-states", {"count": len(states), "logs": len(origins)})
    if policy != policy_for(chain, first):
        raise VerificationError("E3503", "the policy in the pack is not the one that follows from the roster")
    yield Status.OK, Said("policy-of", {"origin": first.head.origin, "epoch": first.witnessed.epoch})


def _finding(shown: Shown, chain: Sequence[Roster], parts: FindingParts, policy: bytes) -> Course:
    finding = parts.acts[parts.finding]
    checkpoints = [finding.proof.checkpoint_bytes, *(act.proof.checkpoint_bytes for act in parts.acts)]
    states = judge_states(chain, [*checkpoints, *parts.heads])
    check_roots(states.values())
    yield from _states(chain, states, states[checkpoints[0]], policy)
    acts, is_witnessed = yield from _logged(chain, parts, states)
    bodies, batches, events = opened = yield from _opened(acts, parts)
    events, others, answers = yield from _claimed(acts, parts.finding, opened)
    after = states_seen(acts, states.values(), [states[raw] for raw in parts.heads])
    before = acts[parts.finding].state.witnessed.before_s
    dated = Said("dated", {"time": shown_time(before)}) if before else Said("undated")
    yield Status.OK if before else Status.ABSENT, dated
    tokens = len(parts.timestamps)
    yield Status.ABSENT, Said("tokens", {"count": tokens}) if tokens else Said("no-tokens")
    body = bodies[parts.finding]
    whole = replace(
        shown,
        states=newest_sizes(states.values()),
        number=parts.finding,
        acts=tuple(_shown_act(chain, act, after[act.number]) for act in acts),
        finding=body.values,
        hidden=body.hidden,
        batches=batches,
        events=events,
        others=others,
        tokens=tokens,
    )
    deadline = acts[parts.finding].statement.header.deadline
    flags = flags_of(answers, is_late=is_overdue(deadline, states.values()))
    return _Outcome(Result.VALID if is_witnessed else Result.VALID_UNWITNESSED, whole, flags)


def _logged(
    chain: Sequence[Roster], parts: FindingParts, states: Mapping[bytes, State]
) -> Generator[Found, None, tuple[Sequence[LoggedAct], bool]]:
    """Take steps 6 to 9: witnesses, places, signatures, order."""
    placed = [(entry, states[entry.proof.checkpoint_bytes]) for entry in parts.acts]
    _, main = placed[parts.finding]
    unseen = next((state for _, state in placed if not state.witnessed.is_reached), None)
    yield (Status.OK, quorum_of(main)) if unseen is None else (Status.ABSENT, quorum_missing(unseen))
    check_places(placed)
    yield Status.OK, Said("included", {"count": len(placed)})
    acts = [open_act(chain, number, entry, state) for number, (entry, state) in enumerate(placed)]
    check_kinds(acts, parts.finding)
    actors = sorted({act.statement.header.actor for act in acts})
    yield Status.OK, Said("signed-acts", {"count": len(acts), "actors": ", ".join(actors)})
    links = check_sequence(acts, states.values())
    yield Status.OK, Said("in-sequence", {"count": len(acts), "links": links})
    return acts, unseen is None


def _opened(acts: Sequence[LoggedAct], parts: FindingParts) -> Generator[Found, None, _Open]:
    """Take steps 10 to 12: sealed texts, events of the batches, and whether all of them are there."""
    bodies = open_bodies(acts, parts.bodies)
    hidden = sum(len(body.hidden) for body in bodies.values())
    args = {"count": len(bodies), "fields": sum(len(b.values) for b in bodies.values()), "hidden": hidden}
    yield (Status.OK, Said("opened", args)) if bodies else (Status.ABSENT, Said("no-bodies"))
    batches = open_batches(acts, bodies, parts.events)
    counts = {batch.act: batch.count for batch in batches}
    events = tuple(open_event(event, acts[event.act], counts[event.act]) for event in parts.events)
    hidden = sum(len(event.hidden) for event in events)
    args = {"count": len(events), "fields": sum(len(event.fields) for event in events), "hidden": hidden}
    yield (Status.OK, Said("events-shown", args)) if events else (Status.ABSENT, Said("no-events"))
    count = sum(counts.values())
    args = {"count": count, "batches": len(batches)}
    if not batches:
        yield Status.ABSENT, Said("no-batches")
    elif count == len(events):
        yield Status.OK, Said("all-shown", args)
    else:
        yield Status.ABSENT, Said("not-all-shown", args | {"shown": len(events)})
    return bodies, batches, events


def _claimed(
    acts: Sequence[LoggedAct], number: int, opened: _Open
) -> Generator[Found, None, tuple[tuple[ShownEvent, ...], int, Mapping[str, tuple[str, ...]]]]:
    """Take steps 13 and 14: which events the finding is about and which are context, and the answers."""
    (bodies, batches, events), finding = opened, acts[number]
    named = named_batches(bodies.get(number))
    by_act = check_named(finding, named, acts, batches)
    events = tuple(replace(event, is_context=event.index not in by_act[event.act]) for event in events)
    count, context = sum(len(batch.events) for batch in named), sum(event.is_context for event in events)
    shown = len(events) - context
    args = {"named": count, "batches": len(named), "shown": shown, "context": context}
    yield Status.OK, Said("names-events", args)
    answers = check_answers(finding, acts, bodies)
    names = {f"{kind}ed": ", ".join(actors) or "-" for kind, actors in answers.items()}
    is_answered = any(answers.values())
    yield (Status.OK, Said("answered", names)) if is_answered else (Status.ABSENT, Said("unanswered"))
    return events, count - shown, answers


def _shown_act(
    chain: Sequence[Roster], act: LoggedAct, after: tuple[tuple[str, int, int | None], ...]
) -> ShownAct:
    header = act.statement.header
    member = chain[-1].find(header.actor)
    return ShownAct(
        number=act.number,
        kind=act.statement.kind,
        actor=header.actor,
        side=member.side if member else "",
        index=act.ref.index,
        leaf_hash=act.ref.leaf_hash,
        claimed_time=header.claimed_time,
        size=act.state.head.size,
        witnessed=act.state.witnessed,
        after=after,
    )


def _forked(shown: Shown, chain: Sequence[Roster], parts: ForkParts, founding: Founding) -> Course:
    """Take steps 4 to 6 of a fork pack; one about the roster rests on no log, and its policy is empty."""
    if parts.epochs:
        yield Status.ABSENT, Said("no-log")
        if founding.policy:
            raise VerificationError("E3503", "a fork of the roster is of no log, and has no policy")
        yield Status.ABSENT, Said("no-log")
        fork = find_roster_fork(parse_charter(founding.genesis), chain, parts)
        yield Status.OK, fork.detail
        return _Outcome(Result.FORK_PROVEN, shown, fork=fork.proven)
    states = judge_states(chain, parts.checkpoints)
    sides = [states[raw] for raw in parts.checkpoints]
    yield from _states(chain, states, sides[0], founding.policy)
    fork = find_contradiction(chain, parts, sides)
    yield Status.OK, fork.detail
    whole = replace(shown, states=newest_sizes(states.values()))
    return _Outcome(Result.FORK_PROVEN, whole, fork=fork.proven)
