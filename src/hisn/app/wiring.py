"""Compose the program: the only place that knows which storage serves which room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hisn import __version__
from hisn.app.rules import load_rules
from hisn.engine.databases import Databases, is_available
from hisn.engine.plan import PLAN_VERSION, Plan, compile_plan, decode_plan, encode_plan
from hisn.errors import InputError
from hisn.rules.pack import Pack
from hisn.storage.files import Cache, cache_folder


def open_cache() -> Cache:
    """Return the machine's cache of what can be computed again."""
    return Cache(cache_folder())


def load_rule_pack(paths: Sequence[Path], placeholders: Path | None) -> Pack:
    """Load the rules under the paths, or the bundled election pack where none are given."""
    return load_rules(paths, open_cache(), placeholders=placeholders)


def load_plan(pack: Pack) -> Plan:
    """Compile a pack for the engine, or take the plan that an earlier run compiled."""
    cache = open_cache()
    key = f"plan:{__version__}:{PLAN_VERSION}:{pack.digest}"
    if (blob := cache.get(key)) is not None:
        try:
            return decode_plan(blob)
        except InputError:
            pass  # an older or damaged plan: compile again
    plan = compile_plan(pack)
    cache.put(key, encode_plan(plan))
    return plan


def load_databases(plan: Plan) -> Databases | None:
    """Return the plan's Hyperscan databases, compiled and kept at the first run; None without Hyperscan.

    All are compiled at once: processes forked later share them, and could not keep what they made.
    """
    if not is_available():
        return None
    cache = open_cache()
    key = f"databases:{__version__}:{plan.digest}"
    databases = Databases(plan, cache.get(key))
    if databases.is_empty:
        databases.compile_all()
        cache.put(key, databases.encode())
    return databases
