"""Define what rules and correlations say of themselves."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

LEVELS = ("informational", "low", "medium", "high", "critical")

Hex: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Uuid: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]
Level: TypeAlias = Annotated[str, Meta(pattern=r"\A(informational|low|medium|high|critical)\Z")]
Line: TypeAlias = Annotated[int, Meta(ge=0)]


class RuleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what people read about a rule; never needed to judge it."""

    title: str
    description: str = ""
    author: str = ""
    status: str = ""
    date: str = ""
    references: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    licence: str = ""
