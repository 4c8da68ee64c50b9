"""Say in single sentences what a pack proves, and what it does not. The second list is never empty."""

from __future__ import annotations

from collections.abc import Iterator

from hisn.verify.dates import shown_time
from hisn.verify.logged import State
from hisn.verify.steps import Said, Shown, ShownAct
from hisn.verify.texts import NOT_PROVEN


def proven(shown: Shown, fork: Said | None = None) -> Iterator[Said]:
    """Yield what is proven, to a reader who trusts nobody but the quorum and the algorithms."""
    if shown.is_pinned:
        yield Said("unit-known", {"unit": shown.unit})
    if fork:
        yield fork
    finding = shown.acts[shown.number] if shown.number is not None else None
    if finding is None:
        return
    yield Said("stated", {"actor": finding.actor, "index": finding.index})
    for batch in shown.batches:
        yield Said("sealed", {"actor": finding.actor, "count": batch.count, "act": batch.act})
    if shown.events:
        hidden = sum(len(event.hidden) for event in shown.events)
        yield Said("fields-sealed", {"shown": len(shown.events), "hidden": hidden})
    for batch in shown.batches:
        if batch.count == len(batch.shown):
            yield Said("whole-batch", {"act": batch.act, "count": batch.count})
    yield from _witnessed(shown, finding)
    for act in shown.acts:
        if act.kind in ("recheck", "dissent"):
            yield Said(f"{act.kind}ed", {"actor": act.actor, "side": act.side})


def _witnessed(shown: Shown, finding: ShownAct) -> Iterator[Said]:
    if finding.witnessed.is_reached:
        names = ", ".join(each.name for each in finding.witnessed.cosigners)
        sides = ", ".join(finding.witnessed.sides)
        yield Said("same-for-all", {"names": names, "sides": sides})
    for act in shown.acts:
        args: dict[str, str | int] = {"act": act.number, "kind": act.kind}
        before = act.witnessed.before_s
        if before is not None:
            yield Said("existed", args | {"origin": act.actor, "time": shown_time(before)})
        for origin, size, _ in act.after:
            yield Said("followed", args | {"origin": origin, "size": size})


def not_proven(shown: Shown | None, *, is_fork: bool = False) -> Iterator[Said]:
    """Yield what is not proven: the fixed list, and what this pack leaves open."""
    heads = ", ".join(f"{origin} {size}" for origin, size in shown.states) if shown else ""
    args = {"epoch": shown.epoch if shown else "-", "heads": heads or "-"}
    yield from (Said(code, args if code == "revocations" else {}) for code in NOT_PROVEN)
    if shown:
        yield from _open(shown, is_fork=is_fork)


def _open(shown: Shown, *, is_fork: bool) -> Iterator[Said]:
    if not shown.is_pinned:
        yield Said("genesis-unknown", {"genesis": shown.genesis.hex()})
    if is_fork:
        yield Said("whose-fault")
    if shown.number is None or is_fork:
        return
    if not all(act.witnessed.is_reached for act in shown.acts):
        yield Said("unwitnessed")
    for batch in shown.batches:
        if batch.count > len(batch.shown):
            yield Said("other-events", {"count": batch.count - len(batch.shown), "act": batch.act})
    if shown.others:
        yield Said("other-named", {"count": shown.others})
    if context := sum(event.is_context for event in shown.events):
        yield Said("context", {"count": context})
    yield Said("claimed-time", {"time": shown.acts[shown.number].claimed_time})
    yield Said("not-before")
    if not shown.acts[shown.number].after:
        yield Said("no-bound")
    if shown.tokens:
        yield Said("tokens-unchecked", {"count": shown.tokens})


def quorum_of(state: State) -> Said:
    """Say who cosigned a state."""
    return Said("quorum", {"names": ", ".join(each.name for each in state.witnessed.cosigners)})


def quorum_missing(state: State) -> Said:
    """Say who has not cosigned a state that lacks its quorum."""
    witnessed, origin = state.witnessed, state.head.origin
    if not witnessed.cosigners and not witnessed.missing:
        return Said("no-witnesses", {"origin": origin})
    names = ", ".join(each.name for each in witnessed.cosigners) or "-"
    missing = ", ".join(witnessed.missing)
    return Said("no-quorum", {"origin": origin, "size": state.head.size, "names": names, "missing": missing})
