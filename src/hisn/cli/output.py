"""Write errors to stderr the same way everywhere: what happened, what to do, what was left unchanged."""

from __future__ import annotations

import os
import re
import sys
import traceback
from typing import TYPE_CHECKING

from hisn.core.display import shown
from hisn.errors import HisnError
from hisn.present.i18n import _
from hisn.present.tech import END_ISOLATE, LEFT_TO_RIGHT_ISOLATE, prose, tech

if TYPE_CHECKING:
    import click

_USAGE = "E1000"
_BUG = "E1099"
_VALUE = re.compile("(\u2066[^\u2066-\u2069]*\u2069|'[^']*'|\"[^\"]*\")")
"""What our own texts isolate, and what click quotes."""


def report_error(error: HisnError) -> None:
    """Write ``hisn: error[E####]: …`` with hint and what was left unchanged."""
    _line(f"{_head(error.code)}: {prose(str(error), None)}")
    if error.hint:
        _line(f"  {_('hint')}: {prose(error.hint, None)}")
    if error.unchanged:
        _line(f"  {_('unchanged')}: {prose(error.unchanged, None)}")
    _line(f"  {_('more')}: {tech(f'hisn explain {error.code}')}")


def report_usage(error: click.UsageError) -> None:
    """Write a usage error of the command line parser in the house's form."""
    _line(f"{_head(_USAGE)}: {_harmless(error.format_message())}")
    command = error.ctx.command_path if error.ctx else "hisn"
    _line(f"  {_('hint')}: {tech(f'{command} --help')}")


def report_bug(error: BaseException) -> None:
    """Write that the program itself failed; the trace only where ``HISN_DEBUG`` is set."""
    name = type(error).__name__
    _line(f"{_head(_BUG)}: {_('the program failed')} ({tech(f'{name}: {error}', 300)})")
    _line(f"  {_('hint')}: {_('this is a bug: run again with HISN_DEBUG=1 and report the trace')}")
    if os.environ.get("HISN_DEBUG"):
        _line("".join(traceback.format_exception(error)))


def _head(code: str) -> str:
    return f"{tech('hisn')}: {_('error')}{tech(f'[{code}]')}"


def _harmless(message: str) -> str:
    """Return a message of click that cannot write to the terminal; values in it keep their direction."""
    parts = _VALUE.split(message)
    parts[::2] = map(shown, parts[::2])
    parts[1::2] = (tech(part.strip(LEFT_TO_RIGHT_ISOLATE + END_ISOLATE), None) for part in parts[1::2])
    return "".join(parts)


def _line(text: str) -> None:
    sys.stderr.write(text + "\n")
