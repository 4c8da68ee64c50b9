"""Let rsyslog and syslog-ng, as they are installed everywhere, send to us by every way they have."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.unit.live.listeners import (
    NOW_US,
    Certificates,
    Listening,
    make_certificates,
    spool_in,
)

from hisn.live.http_lines import Door, HttpFeed
from hisn.live.listening import Tls
from hisn.live.syslog import Listen, SyslogFeed
from hisn.node import serve

TOKEN = "a token of more than 16 characters"
MESSAGES = 500

RSYSLOG = """
global(workDirectory="{folder}" {tls})
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{folder}/log" RateLimit.Interval="0" UseSpecialParser="on")
template(name="rfc5424" type="string" string="<%PRI%>1 %TIMESTAMP:::date-rfc3339% %HOSTNAME% %APP-NAME% - - - %msg%\\n")
action(type="omfwd" target="127.0.0.1" port="{port}" template="RSYSLOG_SyslogProtocol23Format"
       action.resumeRetryCount="-1" action.resumeInterval="1" {way})
"""
SYSLOG_NG = """@version: 3.38
options {{ keep-hostname(yes); }};
source s {{ unix-dgram("{folder}/log"); }};
destination d {{ http(url("{url}/web") method("POST")
  headers("Authorization: Bearer {token}", "Content-Type: application/json")
  body("$(format-json --scope rfc5424)") delimiter("\\n") batch-lines(100) batch-timeout(200)
  flush-lines(100)); }};
log {{ source(s); destination(d); }};
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@contextmanager
def running(folder: Path, *command: str) -> Iterator[None]:
    """Run a log daemon of our own, apart from the system's, until it listens to its socket."""
    with (folder / "said").open("wb") as said:
        daemon = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said)
    try:
        deadline = time.monotonic() + 30
        while not (folder / "log").exists():
            assert daemon.poll() is None, (folder / "said").read_text(errors="replace")
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield
    finally:
        daemon.terminate()
        daemon.wait(30)


def log(folder: Path) -> list[bytes]:
    """Log through the daemon's socket, as programs do; return what was logged."""
    texts = [
        b"Failed password for root from 192.0.2.%d port %d" % (each % 250, each) for each in range(MESSAGES)
    ]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as writer:
        writer.connect(str(folder / "log"))
        for text in texts:
            writer.send(b"<38>Nov  3 20:15:00 sshd[812]: " + text)
    return texts


def messages(lines: bytes) -> list[bytes]:
    return [line[line.index(b"Failed") :] for line in lines.splitlines() if b"Failed" in line]


@pytest.mark.needs("rsyslogd")
@pytest.mark.parametrize(
    ("transport", "way"),
    [
        ("tcp", 'protocol="tcp" TCP_Framing="octet-counted"'),
        ("tcp", 'protocol="tcp" TCP_Framing="traditional"'),
        ("udp", 'protocol="udp"'),
        (
            "tls",
            (
                'protocol="tcp" TCP_Framing="octet-counted" StreamDriver="gtls" StreamDriverMode="1" '
                'StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="localhost"'
            ),
        ),
    ],
    ids=["octets", "lines", "udp", "tls"],
)
def test_rsyslog(
    tmp_path: Path, needs: Callable[[str], str], certificates: Certificates, transport: str, way: str
) -> None:
    tls = Tls(
        certificate=certificates.certificate("localhost"),
        key=certificates.key("localhost"),
        client_ca=certificates.authority,
        client_names=frozenset({"sender.example"}),
    )
    feed = SyslogFeed(
        "syslog", Listen(transport=transport, tls=tls if transport == "tls" else None), spool_in(tmp_path)
    )
    feed.resume(None, NOW_US)
    own = "sender.example"
    drivers = (
        f'DefaultNetstreamDriverCAFile="{certificates.authority}" '
        f'DefaultNetstreamDriverCertFile="{certificates.certificate(own)}" '
        f'DefaultNetstreamDriverKeyFile="{certificates.key(own)}"'
    )
    configuration = tmp_path / "rsyslog.conf"
    configuration.write_text(
        RSYSLOG.format(
            folder=tmp_path, port=feed.address[1], way=way, tls=drivers if transport == "tls" else ""
        )
    )
    there = Listening(feed)
    with running(tmp_path, needs("rsyslogd"), "-n", "-f", str(configuration), "-i", str(tmp_path / "pid")):
        texts = log(tmp_path)
        there.until(MESSAGES, timeout_s=60)
        assert messages(there.data) == texts
        assert there.data.startswith(b"<38>1 ")
    feed.close()


@pytest.mark.needs("syslog-ng")
def test_syslog_ng_over_http(tmp_path: Path, needs: Callable[[str], str]) -> None:
    door = Door(lambda app: serve.NodeServer(app, serve.Listen()))
    feed = HttpFeed("web", TOKEN, spool_in(tmp_path, 1 << 28), door)
    feed.resume(None, NOW_US)
    configuration = tmp_path / "syslog-ng.conf"
    configuration.write_text(SYSLOG_NG.format(folder=tmp_path, url=door.url, token=TOKEN))
    there = Listening(feed)
    with running(
        tmp_path,
        needs("syslog-ng"),
        "--foreground",
        "--no-caps",
        f"--cfgfile={configuration}",
        f"--persist-file={tmp_path / 'persist'}",
        f"--pidfile={tmp_path / 'pid'}",
        f"--control={tmp_path / 'control'}",
    ):
        texts = log(tmp_path)
        there.until(MESSAGES, timeout_s=60)
        found = [line.split(b'"MESSAGE":"')[1].split(b'"')[0] for line in there.data.splitlines()]
        assert found == texts
    feed.close()
