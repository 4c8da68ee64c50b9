"""Write errors to stderr the same way everywhere: what happened, what to do, what was left unchanged."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING

from hisn.core.display import shown
from hisn.errors import HisnError
from hisn.present.i18n import _

if TYPE_CHECKING:
    import click

_USAGE = "E1000"
_BUG = "E1099"


def report_error(error: HisnError) -> None:
    """Write ``hisn: error[E####]: …`` with hint and what was left unchanged."""
    _line(f"hisn: {_('error')}[{error.code}]: {shown(str(error))}")
    if error.hint:
        _line(f"  {_('hint')}: {shown(error.hint)}")
    if error.unchanged:
        _line(f"  {_('unchanged')}: {shown(error.unchanged)}")
    _line(f"  {_('more')}: hisn explain {error.code}")


def report_usage(error: click.UsageError) -> None:
    """Write a usage error of the command line parser in the house's form."""
    _line(f"hisn: {_('error')}[{_USAGE}]: {shown(error.format_message())}")
    command = error.ctx.command_path if error.ctx else "hisn"
    _line(f"  {_('hint')}: {command} --help")


def report_bug(error: BaseException) -> None:
    """Write that the program itself failed; the trace only where ``HISN_DEBUG`` is set."""
    name = type(error).__name__
    _line(f"hisn: {_('error')}[{_BUG}]: {_('the program failed')} ({name}: {shown(str(error), 300)})")
    _line(f"  {_('hint')}: {_('this is a bug: run again with HISN_DEBUG=1 and report the trace')}")
    if os.environ.get("HISN_DEBUG"):
        _line("".join(traceback.format_exception(error)))


def _line(text: str) -> None:
    sys.stderr.write(text + "\n")
