"""Compose the program: the only place that knows which storage serves which room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hisn import __version__
from hisn.app.rules import load_rules
from hisn.engine.plan import Plan, compile_plan, decode_plan, encode_plan
from hisn.errors import InputError
from hisn.rules.pack import Pack
from hisn.storage.files import Cache, cache_folder


def open_cache() -> Cache:
    """Return the machine's cache of what can be computed again."""
    return Cache(cache_folder())


def load_rule_pack(paths: Sequence[Path], placeholders: Path | None) -> Pack:
    """Load the rules under the paths, or the bundled election pack where none are given."""
    return load_rules(paths, open_cache(), placeholders=placeholders)


def load_plan(pack: Pack, *, use_hyperscan: bool) -> Plan:
    """Compile a pack for the engine, or take the plan that an earlier run compiled."""
    cache = open_cache()
    key = f"plan:{__version__}:{use_hyperscan}:{pack.digest}"
    if (blob := cache.get(key)) is not None:
        try:
            return decode_plan(blob)
        except InputError:
            pass  # an older or damaged plan: compile again
    plan = compile_plan(pack)
    cache.put(key, encode_plan(plan))
    return plan
