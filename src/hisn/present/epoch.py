"""Say in plain words what a new epoch of the roster changes, so that its signers know what they sign."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from hisn.core.keys import DualPublic, key_id_hex
from hisn.present.i18n import _
from hisn.present.tech import tech
from hisn.unit.compare import (
    Admitted,
    Difference,
    Dismissed,
    Joined,
    KeyBegins,
    KeyEnds,
    Moved,
    Needed,
    Returned,
    Suspended,
    Witnessed,
)
from hisn.unit.rosterdoc import ENTRY_ROLES

_NOTHING = "-"


def say_differences(differences: Sequence[Difference]) -> Iterator[str]:
    """Yield one sentence for each difference, in their order."""
    return map(_say, differences)


def _say(difference: Difference) -> str:
    match difference:
        case Joined(member):
            text = _("Taken in as a member: {name}, side {side}, address {url}.")
            return _fill(text, name=member.id, side=member.side, url=member.url)
        case Suspended(name):
            text = _("Suspended: {name}. What it signs from now on counts no more; its root key stays.")
            return _fill(text, name=name)
        case Returned(name):
            return _fill(_("Active again: {name}."), name=name)
        case Moved(name, old, new):
            text = _("{name} moves from side {old_side}, address {old_url} to side {side}, address {url}.")
            return _fill(text, name=name, old_side=old[0], old_url=old[1], side=new[0], url=new[1])
        case KeyBegins() | KeyEnds():
            return _say_key(difference)
        case Admitted(witness, is_known):
            text = _("Taken in as an outside witness: {name}, side {side}, address {url}, key {key}.")
            if is_known:
                text = _("The outside witness {name} goes on under another key: {key}.")
            key = _id(witness.public)
            return _fill(text, name=witness.name, side=witness.side, url=witness.url, key=key)
        case Dismissed(name):
            return _fill(_("Dropped as an outside witness: {name}."), name=name)
        case Witnessed(head):
            text = _("Witnessed so far of the log of {name}: {size} entries.")
            return _fill(text, name=head.origin, size=f"{head.size:,}")
        case _:
            assert_never(difference)


def _say_key(difference: KeyBegins | KeyEnds) -> str:
    key = difference.key
    is_entry = key.role in ENTRY_ROLES
    values = {"name": difference.id, "role": key.role, "key": _id(key.public)}
    if isinstance(difference, KeyBegins):
        text = _("{name} has a new {role} key from epoch {place} on: {key}.")
        if is_entry:
            text = _("{name} has a new {role} key from entry {place} of its log on: {key}.")
        return _fill(text, place=f"{key.start:,}", **values)
    text = _("The {role} key {key} of {name} counts before epoch {place} alone.")
    if is_entry:
        text = _("The {role} key {key} of {name} counts before entry {place} of its log alone.")
    said = _fill(text, place=f"{key.until or 0:,}", **values)
    if not is_entry or (key.until or 0) >= difference.witnessed:
        return said
    more = _("That is in the past: {size} entries were witnessed, and those behind it become void.")
    return f"{said} {_fill(more, size=f'{difference.witnessed:,}')}"


def say_needed(needed: Sequence[Needed]) -> Iterator[str]:
    """Yield one sentence for each number of those who must agree that is another from now on."""
    for each in needed:
        text = _("The next epoch needs the signatures of {now} members.")
        if each.origin:
            text = _("What {name} publishes needs the cosignatures of {now} witnesses.")
        said = _fill(text, name=each.origin, now=_share(each.new))
        yield f"{said} {_fill(_('Before: {before}.'), before=_share(each.old))}" if each.old else said


def _share(numbers: tuple[int, int]) -> str:
    return _("{count} of {total}").format(count=numbers[0], total=numbers[1])


def _fill(template: str, **values: str) -> str:
    return template.format(**{name: tech(value or _NOTHING) for name, value in values.items()})


def _id(public: DualPublic) -> str:
    return key_id_hex(public.ed25519)
