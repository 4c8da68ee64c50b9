"""Give all tests the same ground: where the data is, what is left out, and no help from the machine.

``pytest`` runs the normal set; ``--full`` adds the tests marked ``full``, ``--soak`` those marked
``soak``.  What is left out is counted in the closing lines.  With ``--no-skips`` (or
``HISN_NO_SKIPS=1``) a skipped test is an error: that is how a machine proves that it ran all.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

import hypothesis
import pytest

from hisn.present.i18n import use_language

if TYPE_CHECKING:
    from collections.abc import Generator

REPOSITORY = Path(__file__).resolve().parent.parent
CORPUS = Path(os.environ.get("HISN_CORPUS") or REPOSITORY.parent / "shared" / "data")
LEFT_OUT = pytest.StashKey[Counter[str]]()

# The shared machine is slow at times: a deadline would make tests fail by chance.  The normal set
# draws the same examples every time; the full set draws new ones and prints how to repeat them.
hypothesis.settings.register_profile(
    "normal", max_examples=100, deadline=None, derandomize=True, database=None
)
hypothesis.settings.register_profile("full", max_examples=2_000, deadline=None, print_blob=True)
hypothesis.settings.register_profile("soak", max_examples=50_000, deadline=None, print_blob=True)


class Needs(Protocol):
    """Find a system program, or skip the test."""

    def __call__(self, program: str) -> str:
        """Return the program's path."""
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hisn")
    group.addoption("--full", action="store_true", help="run the tests marked full, too")
    group.addoption("--soak", action="store_true", help="run the tests marked soak, too")
    group.addoption("--no-skips", action="store_true", help="count a skipped test as failed")


def pytest_configure(config: pytest.Config) -> None:
    profile = "soak" if config.option.soak else "full" if config.option.full else "normal"
    hypothesis.settings.load_profile(profile)
    config.stash[LEFT_OUT] = Counter[str]()


def _refuses_skips(config: pytest.Config) -> bool:
    return bool(config.option.no_skips) or os.environ.get("HISN_NO_SKIPS") == "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = config.stash[LEFT_OUT]
    kept, dropped = [], []
    for item in items:
        for name in ("soak", "full"):
            if item.get_closest_marker(name) and not config.getoption(name):
                left_out[name] += 1
                dropped.append(item)
                break
        else:
            kept.append(item)
    items[:] = kept
    if hasattr(config, "workerinput"):
        # The main process never sees what its workers collected.
        config.workeroutput["left_out"] = dict(left_out)  # type: ignore[attr-defined]
    elif dropped:
        config.hook.pytest_deselected(items=dropped)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    # Every worker collects everything, so any one of them knows the whole.
    left_out = getattr(node, "workeroutput", {}).get("left_out", {})
    node.config.stash[LEFT_OUT] = Counter[str](left_out)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("corpus") and not CORPUS.is_dir():
        pytest.skip("the public test data is not there (../shared/data or HISN_CORPUS)")
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            _find(program)


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    where = report.longrepr
    reason = where[2] if isinstance(where, tuple) else str(where)
    report.outcome = "failed"
    report.longrepr = f"no test may be skipped here: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and _refuses_skips(item.config):
        _refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and _refuses_skips(collector.config):
        _refuse(report)
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    skipped = Counter[str]()
    for report in terminalreporter.stats.get("skipped", []):
        where = report.longrepr
        skipped[where[2].removeprefix("Skipped: ") if isinstance(where, tuple) else str(where)] += 1
    terminalreporter.section("left out")
    terminalreporter.line(f"skipped: {skipped.total()}")
    for reason, count in skipped.most_common():
        terminalreporter.line(f"  {count:5} {reason}")
    left_out = config.stash[LEFT_OUT]
    for name in ("full", "soak"):
        terminalreporter.line(f"marked {name}, not in this run: {left_out[name]}")
    if left_out and "deselected" not in terminalreporter.stats:
        # With workers, the closing line of pytest would not count them.
        terminalreporter.stats["deselected"] = [SimpleNamespace() for _ in range(left_out.total())]


def _find(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"needs the program {program}")
    return path


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Return the folder of the public test data; skip where it is not."""
    if not CORPUS.is_dir():
        pytest.skip("the public test data is not there (../shared/data or HISN_CORPUS)")
    return CORPUS


@pytest.fixture(scope="session")
def needs() -> Needs:
    """Return a function that finds a system program, or skips the test."""
    return _find


@pytest.fixture(autouse=True, scope="session")
def _own_ground(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Keep the tests away from the user's files, terminal and language, and out of UTC.

    The zone is written out, so that it needs no zone data: a program that looks at the local zone
    where it should not is off by 12:45 hours here.
    """
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        for name in ("HISN_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            patch.setenv(name, str(home / name.lower()))
        for name in ("HISN_LANG", "LANGUAGE", "COLUMNS", "NO_COLOR", "FORCE_COLOR"):
            patch.delenv(name, raising=False)
        patch.setenv("LC_ALL", "C.UTF-8")
        patch.setenv("TZ", "<+1245>-12:45")
        yield


@pytest.fixture(autouse=True)
def _english() -> None:
    """Start every test in English: one that chose another language must not speak for the next."""
    use_language("en")
