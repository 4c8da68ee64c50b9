"""Put a watch together, run it until somebody stops it, and leave it so that it can go on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hisn.app.guard import choose
from hisn.app.judge import BatchLimits, Tap
from hisn.app.options import address_in, declarations_from, phases_from
from hisn.app.watch.analysis import Analysis, Lane
from hisn.app.watch.config import Config
from hisn.app.watch.cycle_sealer import Sources
from hisn.app.watch.feeds import make_feeds, secret_in
from hisn.app.watch.keys import cycles_apart
from hisn.app.watch.lanes import CorrelationLane
from hisn.app.watch.outbox import Outbox, Told, Waiting
from hisn.app.watch.pieces import PieceJudge
from hisn.app.watch.run import Sealer, Watch
from hisn.app.watch.status import Moments
from hisn.app.watch.unsealed import Unsealed
from hisn.app.watch.worker import ApartWorker
from hisn.app.wiring import load_databases, load_plan, load_rule_pack
from hisn.core.clock import Clock
from hisn.engine.coverage import Coverage
from hisn.engine.scan import Scanner
from hisn.errors import UsageError
from hisn.events.declare import Declarations
from hisn.events.mapping import Mapping, load_mapping
from hisn.live.feed import Feed
from hisn.present.watch_view import Status
from hisn.rules.correlation import silenced
from hisn.rules.pack import Pack
from hisn.storage.system import SystemClock

if TYPE_CHECKING:
    from hisn.app.sealer import Opened
    from hisn.app.watch.cycle import Cycle
    from hisn.app.watch.keys import CyclesApart

_IDLE_S = 0.1
_PUBLISH_US = 60_000_000
_SHOWN = 20
_US = 1_000_000


class Sender(Protocol):
    """Tell one receiver in a thread of its own, from what waits for it."""

    @property
    def name(self) -> str:
        """Return the name of the receiver."""
        ...

    @property
    def level(self) -> str:
        """Return the level from which on it is told."""
        ...

    def run(self, waiting: Waiting) -> None:
        """Tell what waits until it is closed."""
        ...


Listener = Callable[["Cycle", Sequence[Told]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRequest:
    """Say what to watch and how. `is_once`: drain what is there, close everything, and stop."""

    config: Config
    root: Path
    is_once: bool = False
    forget: bool = False
    use_hyperscan: bool = True
    senders: tuple[Sender, ...] = ()
    listeners: tuple[Listener, ...] = ()
    feeds: tuple[Feed, ...] = ()
    """Besides those of the configuration: for tests and programs."""
    clock: Clock = field(default_factory=SystemClock)


class Reporter(Protocol):
    """Be told what a watch does, beside its findings."""

    def opened(self, opened: Opened) -> None:
        """Say which node is sealed into."""
        ...

    def begun(self, watch: Watch) -> None:
        """Say that it has begun, and from where."""
        ...

    def status(self, status: Status) -> None:
        """Say how it stands; called after each cycle."""
        ...

    def ended(self, watch: Watch, coverage: Coverage) -> None:
        """Say that it is over."""
        ...


def run_watch(
    request: WatchRequest,
    reporter: Reporter,
    stop: threading.Event,
    passphrase: Callable[[], str],
) -> Coverage:
    """Watch until `stop` is set, or once; return the coverage.

    Raises UsageError, InputError, StorageError.
    """
    config = request.config
    if sys.platform != "linux":
        raise UsageError(
            "E1355",
            "hisn watch runs on Linux",
            hint="run it in a container; hisn guard and hisn verify run here",
            unchanged="nothing was read",
        )
    with ExitStack() as stack:
        cycles: CyclesApart | None = None
        if config.seal:
            # The process with the keys begins first: it must not have what is loaded below.
            cycles = stack.enter_context(cycles_apart(request.root, passphrase))
        declarations = declarations_from(config.sources or None, None, None)
        mapping = load_mapping()
        state = request.root / "state" / "spool" / config.name
        feeds = [*make_feeds(config, state), *request.feeds]
        loaded = _load(request, mapping, declarations)
        worker = ApartWorker(loaded.make_judge, foreign=cycles.pipes if cycles else ())
        stack.callback(worker.close)
        sealer: Sealer = Unsealed()
        if cycles:
            reporter.opened(cycles.open())
            cycles.prepare(config.name, Sources(declarations, mapping.digest, config.seal_mode))
            if request.forget:
                cycles.forget()
            sealer = cycles
        moments = Moments()
        senders = (*senders_of(config, request.clock), *request.senders)
        waiting = {sender.name: Waiting(sender) for sender in senders}
        watch = Watch(
            feeds,
            sealer=sealer,
            worker=worker,
            analysis=loaded.analysis,
            outputs=Outbox(waiting, (moments.listen, *request.listeners)),
            clock=request.clock,
            declarations=declarations,
            settings=config.settings,
        )
        for feed in feeds:
            stack.callback(feed.close)
        watch.start()
        _start_senders(senders, waiting, stack)
        reporter.begun(watch)
        runner = _Runner(request, watch, loaded.analysis, moments, reporter)
        runner.waiting = tuple(waiting.values())
        runner.run(stop, cycles)
        coverage = loaded.analysis.coverage()
        reporter.ended(watch, coverage)
        return coverage


@dataclass(frozen=True, slots=True)
class _Loaded:
    rules: Pack
    analysis: Analysis
    make_judge: Callable[[], PieceJudge]


def _load(request: WatchRequest, mapping: Mapping, declarations: Declarations) -> _Loaded:
    config = request.config
    pack = load_rule_pack(
        tuple(map(Path, config.rules)), Path(config.placeholders) if config.placeholders else None
    )
    rules, left_out = choose(pack, config.exclude)
    plan = load_plan(rules)
    databases = load_databases(plan) if request.use_hyperscan else None
    lanes: list[Lane] = []
    correlating: CorrelationLane | None = None
    if rules.correlations:
        correlating = CorrelationLane(rules, mapping.digest, declarations.digest_of)
        lanes.append(correlating)
    wanted = correlating.wanted if correlating else {}
    silent = silenced(rules)
    tap: Tap | None = None
    calendar, countries = phases_from(config.calendar or None, config.countries or None)
    if calendar:
        from hisn.app.surges import SurgeLane, web_tap

        lanes.append(SurgeLane(calendar, countries, mapping.digest, declarations.digest_of))
        tap = web_tap(mapping, calendar, countries, None)

    def make_judge() -> PieceJudge:
        scanner = Scanner(
            plan,
            mapping,
            use_hyperscan=request.use_hyperscan,
            databases=databases,
            wanted=wanted,
            silenced=silent,
        )
        return PieceJudge(scanner, tap, BatchLimits())

    analysis = Analysis(
        rules,
        mapping.digest,
        declarations.digest_of,
        config.policy(is_once=request.is_once),
        lanes=lanes,
        left_out=left_out,
        tally=correlating.tally if correlating else None,
    )
    return _Loaded(rules, analysis, make_judge)


def senders_of(config: Config, clock: Clock) -> tuple[Sender, ...]:
    """Return who is told by a configuration. Raises UsageError (E1353, E1354, E1304)."""
    senders: list[Sender] = []
    for hook in config.webhook:
        from hisn.app.watch.webhook import WebhookSender, require_safe

        secret = secret_in(hook.secret_file).encode()
        senders.append(WebhookSender(hook.name, require_safe(hook.url), secret, clock, hook.level))
    for mail in config.mail:
        from hisn.app.watch.mail import MailSender, MailServer

        host, port = address_in(mail.server)
        password = secret_in(mail.password_file) if mail.password_file else ""
        server = MailServer(host=host, port=port, starttls=mail.starttls, user=mail.user, password=password)
        senders.append(
            MailSender(
                name=mail.name,
                server=server,
                sender=mail.sender,
                to=mail.to,
                every_s=mail.every_s,
                level=mail.level,
            )
        )
    return tuple(senders)


def _start_senders(senders: Sequence[Sender], waiting: dict[str, Waiting], stack: ExitStack) -> None:
    for sender in senders:
        thread = threading.Thread(target=sender.run, args=(waiting[sender.name],), daemon=True)
        thread.start()
        stack.callback(thread.join, 5.0)
        stack.callback(waiting[sender.name].close)


class _Runner:
    """Run cycles at their pace until somebody stops them."""

    waiting: tuple[Waiting, ...] = ()

    def __init__(
        self, request: WatchRequest, watch: Watch, analysis: Analysis, moments: Moments, reporter: Reporter
    ) -> None:
        self._request = request
        self._watch = watch
        self._analysis = analysis
        self._moments = moments
        self._reporter = reporter
        self._clock = request.clock

    def run(self, stop: threading.Event, cycles: CyclesApart | None) -> None:
        """Run until the event is set, or, once, until nothing more comes."""
        pause_us = round(self._request.config.cycle.seconds * _US)
        full = self._request.config.settings.cycle_bytes
        idle = 0
        published_us = self._clock.now()
        while not stop.is_set():
            began_us = self._clock.now()
            cycle = self._watch.step()
            size = sum(piece.size for piece in cycle.pieces) if cycle else 0
            if cycle:
                self._report()
            if self._request.is_once:
                # A folder is looked at again: what came while we read is read, too.
                idle = 0 if size else idle + 1
                if idle > 1:
                    break
                continue
            # Witnesses may let us wait: they are asked when nothing comes, but not never.
            age_us = self._clock.now() - published_us
            if cycles and (age_us >= _PUBLISH_US * 10 or (not size and age_us >= _PUBLISH_US)):
                cycles.publish()
                published_us = self._clock.now()
            if size < full // 2:
                left_us = pause_us - (self._clock.now() - began_us) if size else _IDLE_S * _US
                stop.wait(max(0.0, left_us / _US))
        if self._request.is_once and not stop.is_set():
            self._watch.finish()
            self._report()
        self._watch.save()
        if cycles:
            cycles.publish()

    def _report(self) -> None:
        now_us = self._clock.now()
        figures = self._watch.figures
        self._moments.judged(now_us, figures.records)
        self._reporter.status(
            Status(
                now_us,
                self._moments.attacked(_SHOWN),
                self._analysis.watermark.silent(now_us),
                self._moments.rate(),
                self._moments.lag_us(now_us),
                figures.records,
                figures.cycles,
                self._analysis.open_findings,
                self._analysis.noticed("dropped", "refused"),
                sum(map(len, self.waiting)),
            )
        )
