from __future__ import annotations

from pathlib import Path

import pytest

from hisn.app.watch.config import parse_config, read_config
from hisn.core import limits
from hisn.errors import UsageError

WHOLE = b"""
name = "county"
rules = ["rules/"]
pause_s = 30

[cycle]
seconds = 0.5
megabytes = 4

[watermark]
lateness_s = 2
silent_after_s = 30

[checks]
silence_s = 900
silence = "high"
clock_skew = "medium"

[[follow]]
path = "/var/log/nginx"
name = "web"
match = "*.log"

[[syslog]]
name = "ems"
listen = "0.0.0.0:6514"
transport = "tls"
certificate = "node.pem"
key = "node.key"

[[webhook]]
name = "ops"
url = "https://ops.example/hook"
secret_file = "secret"
"""


def test_everything_is_read() -> None:
    config = parse_config(WHOLE, "county.toml")
    assert (config.name, config.rules, config.follow[0].name) == ("county", ("rules/",), "web")
    assert config.settings.cycle_bytes == 4 * limits.MiB
    policy = config.policy(is_once=False)
    assert (policy.lateness_us, policy.silent_after_us, policy.pause_us) == (
        2_000_000,
        30_000_000,
        30_000_000,
    )
    assert config.seal
    assert config.webhook[0].level == "medium"


def test_a_watch_is_named_after_its_file_or_its_paths(tmp_path: Path) -> None:
    assert parse_config(b'[[follow]]\npath = "a"', "/etc/hisn/County.toml").name == "county"
    one = read_config([str(tmp_path / "a"), str(tmp_path / "b")])
    other = read_config([str(tmp_path / "b"), str(tmp_path / "a")])
    assert one.name == other.name
    assert one.name != read_config([str(tmp_path / "a")]).name
    assert [each.path for each in one.follow] == [str(tmp_path / "a"), str(tmp_path / "b")]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (b"name = 5", "str"),
        (b'colour = "red"', "unknown field `colour`"),
        (b'name = "../x"', "is none"),
        (b'level = "urgent"', "'urgent'"),
        (b"[cycle]\nmegabytes = 1000", "megabytes"),
        (b'[checks]\nsilence = "high"', "silence_s"),
        (b'[[follow]]\npath = "b"\nname = "ems"\n[[syslog]]\nname = "ems"\nlisten = "x"', "there twice"),
        (b'[[webhook]]\nname = "a"\nurl = "u"\nsecret_file = "s"\nlevel = "x"', "'x'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(change: bytes, why: str) -> None:
    data = change + b'\n[[follow]]\npath = "a"\n'
    with pytest.raises(UsageError) as caught:
        parse_config(data, "w.toml")
    assert caught.value.code == "E1351"
    assert why in str(caught.value)
    assert "w.toml" in str(caught.value)


@pytest.mark.parametrize("data", [b"= nothing", b"\xff", b"x" * (limits.MiB + 1)])
def test_what_is_no_configuration_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        parse_config(data, "w.toml")
    assert caught.value.code == "E1350"


def test_nothing_to_watch_and_no_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is watched"):
        parse_config(b'name = "x"', "w.toml")
    with pytest.raises(UsageError, match="cannot read"):
        read_config([str(tmp_path / "none.toml")])
