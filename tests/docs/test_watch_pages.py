"""The configurations that documents show are ones that a watch accepts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hisn.app.watch.config import parse_config

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto"
PAGES = [HOWTO / name for name in ("watch-a-server.md", "connect-fluent-bit-and-vector.md", "kafka.md")]
OURS = ("[[follow]]", "[[syslog]]", "[[http]]", "[[kafka]]")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_configurations_are_accepted(page: Path) -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    ours = [block for block in blocks if any(table in block for table in OURS)]
    assert ours
    for block in ours:
        parse_config(block.encode(), str(page))
