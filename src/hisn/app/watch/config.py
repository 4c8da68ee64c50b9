"""Read the configuration of a watch: a TOML file, or nothing but paths."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from hisn.app.watch.analysis import Policy
from hisn.app.watch.checks import CheckPolicy
from hisn.app.watch.run import Settings
from hisn.core import limits
from hisn.core.place import Place
from hisn.errors import UsageError
from hisn.rules.pack import LEVELS

_MAX_BYTES = limits.MiB
_US = 1_000_000
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

Seconds = Annotated[float, msgspec.Meta(ge=0, le=31_536_000)]
Spool = Annotated[int, msgspec.Meta(ge=64, le=1_048_576)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Be a table of the file, whose fields are all known."""


class Follow(_Table, frozen=True, kw_only=True):
    """Follow a file or a folder. `from_end`: what is there at the first start is not read."""

    path: str
    name: str = ""
    from_end: bool = False
    match: str = ""


class Syslog(_Table, frozen=True, kw_only=True):
    """Listen to syslog; `client_ca` asks senders for certificates, of one of `client_names`, if any.

    What came and is not sealed yet takes at most so many megabytes of disk.
    """

    name: Name
    listen: str
    transport: Literal["udp", "tcp", "tls"] = "udp"
    certificate: str = ""
    key: str = ""
    client_ca: str = ""
    client_names: tuple[str, ...] = ()
    spool_megabytes: Spool = 1024


class Http(_Table, frozen=True, kw_only=True):
    """Take lines by HTTP at an address; `sources` gives each source's name the file of its token."""

    listen: str
    sources: dict[Name, str]
    certificate: str = ""
    key: str = ""
    spool_megabytes: Spool = 1024


class Kafka(_Table, frozen=True, kw_only=True):
    """Consume topics. `settings` are the client's own, for security."""

    name: Name
    brokers: str
    topics: tuple[str, ...]
    from_end: bool = False
    settings: dict[str, str] = {}


class CycleTable(_Table, frozen=True, kw_only=True):
    """Bound a cycle: the least seconds between two, the most megabytes in flight.

    A state is kept every `snapshot` cycles; those behind it are played again at a start.
    """

    seconds: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.5
    megabytes: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8
    snapshot: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 256


class WatermarkTable(_Table, frozen=True, kw_only=True):
    """Say how late an event may come, and after which silence a source is waited for no more."""

    lateness_s: Seconds = 5.0
    silent_after_s: Seconds = 60.0


class Checks(_Table, frozen=True, kw_only=True):
    """Turn what is noticed of a source into findings, of these levels; empty: coverage only."""

    silence_s: Seconds = 0.0
    silence: str = ""
    gap: str = ""
    clock_skew_s: Seconds = 300.0
    clock_skew: str = ""
    sequence: str = ""


class Webhook(_Table, frozen=True, kw_only=True):
    """Post every change to an address, signed by the secret in a file."""

    name: Name
    url: str
    secret_file: str
    level: str = "medium"


class Mail(_Table, frozen=True, kw_only=True):
    """Send a digest by e-mail, at most so often."""

    name: Name
    server: str
    sender: str
    to: tuple[str, ...]
    every_s: Seconds = 300.0
    level: str = "high"
    starttls: bool = True
    user: str = ""
    password_file: str = ""


class Config(_Table, frozen=True, kw_only=True):
    """Hold the configuration of a watch."""

    name: str = ""
    rules: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    placeholders: str = ""
    sources: str = ""
    calendar: str = ""
    countries: str = ""
    seal: bool = True
    seal_mode: Literal["fields", "whole"] = "fields"
    level: str = "informational"
    jsonl: str = ""
    pause_s: Seconds = 60.0
    cycle: CycleTable = CycleTable()
    watermark: WatermarkTable = WatermarkTable()
    checks: Checks = Checks()
    follow: tuple[Follow, ...] = ()
    syslog: tuple[Syslog, ...] = ()
    http: tuple[Http, ...] = ()
    kafka: tuple[Kafka, ...] = ()
    webhook: tuple[Webhook, ...] = ()
    mail: tuple[Mail, ...] = ()

    @property
    def settings(self) -> Settings:
        """Return the bounds of a cycle."""
        return Settings(cycle_bytes=self.cycle.megabytes * limits.MiB, snapshot_cycles=self.cycle.snapshot)

    def policy(self, *, is_once: bool) -> Policy:
        """Return what is waited for."""
        return Policy(
            lateness_us=round(self.watermark.lateness_s * _US),
            silent_after_us=round(self.watermark.silent_after_s * _US),
            pause_us=round(self.pause_s * _US),
            checks=CheckPolicy(
                silence_us=round(self.checks.silence_s * _US),
                silence=self.checks.silence,
                gap=self.checks.gap,
                skew_us=round(self.checks.clock_skew_s * _US),
                skew=self.checks.clock_skew,
                sequence=self.checks.sequence,
            ),
            is_once=is_once,
        )


def read_config(arguments: Sequence[str]) -> Config:
    """Return the configuration that is named, or one that follows the paths that are. Raises UsageError."""
    if len(arguments) == 1 and arguments[0].endswith(".toml"):
        path = Path(arguments[0])
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(
                "E1350", f"cannot read the configuration: {error.strerror or error}", place=Place(str(path))
            ) from error
        return parse_config(data, str(path))
    absolute = sorted(str(Path(each).absolute()) for each in arguments)
    digest = hashlib.sha256("\0".join(absolute).encode("utf-8", "surrogateescape")).hexdigest()
    return Config(
        name=f"paths-{digest[:16]}", follow=tuple(Follow(path=each) for each in dict.fromkeys(arguments))
    )


def parse_config(data: bytes, path: str) -> Config:
    """Return the configuration in a file. Raises UsageError (E1350, E1351) with what is wrong."""
    place = Place(path)
    if len(data) > _MAX_BYTES:
        raise UsageError("E1350", "the configuration is too large", place=place)
    try:
        found = msgspec.convert(tomllib.loads(data.decode()), Config)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("E1350", f"not TOML: {error}", place=place) from error
    except msgspec.ValidationError as error:
        raise UsageError(
            "E1351", str(error), place=place, hint="docs/reference/watch.md lists every setting"
        ) from error
    if not found.name:
        found = msgspec.structs.replace(found, name=Path(path).stem.lower())
    _check(found, place)
    return found


def _check(found: Config, place: Place) -> None:
    def refuse(why: str) -> UsageError:
        return UsageError("E1351", why, place=place, hint="docs/reference/watch.md lists every setting")

    if not _NAME.fullmatch(found.name):
        raise refuse(f"name: {found.name!r} is none: small letters, digits, dots and dashes")
    if not (found.follow or found.syslog or found.http or found.kafka):
        raise refuse("nothing is watched: there is no [[follow]], [[syslog]], [[http]] or [[kafka]]")
    levels = [found.level, *(each.level for each in found.webhook), *(each.level for each in found.mail)]
    checks = found.checks
    levels += [each for each in (checks.silence, checks.gap, checks.clock_skew, checks.sequence) if each]
    if unknown := [level for level in levels if level not in LEVELS]:
        raise refuse(f"level: {unknown[0]!r} is none of {', '.join(LEVELS)}")
    pairs = [(each.certificate, each.key) for each in found.syslog]
    pairs += [(each.certificate, each.key) for each in found.http]
    if any(bool(certificate) != bool(key) for certificate, key in pairs):
        raise refuse("certificate and key belong together")
    if any(each.transport == "tls" and not each.certificate for each in found.syslog):
        raise refuse('transport = "tls" needs a certificate and its key')
    if any(each.user and not (each.starttls and each.password_file) for each in found.mail):
        raise refuse("mail.user needs a password_file, and starttls")
    if checks.silence and not checks.silence_s:
        raise refuse("checks.silence needs checks.silence_s: after how many seconds a source is silent")
    feeds = [each.name for each in found.follow if each.name]
    feeds += [each.name for each in found.syslog]
    feeds += [name for each in found.http for name in each.sources]
    feeds += [each.name for each in found.kafka]
    sinks = [each.name for each in found.webhook] + [each.name for each in found.mail]
    for names in (feeds, sinks):
        if twice := [name for name in names if names.count(name) > 1]:
            raise refuse(f"name: {twice[0]!r} is there twice")
