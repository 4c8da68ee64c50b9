"""Run a real broker of Apache Kafka on this machine: one node, its own controller.

Its jars come by Maven into a folder outside the repository, once.
"""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = "4.1.0"
# Asked before tests get a home of their own.
CACHE = Path(os.environ.get("HISN_TEST_CACHE") or Path.home() / ".cache" / "hisn-tests") / f"kafka-{VERSION}"

_POM = f"""
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.hisn.test</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""
_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
num.partitions=1
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.retention.check.interval.ms=1000
"""


def jars(maven: str) -> Path:
    """Return the folder of the broker's jars; fetch them the first time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = CACHE / "jars"
        if not found.is_dir():
            (CACHE / "pom.xml").write_text(_POM)
            wanted = ["dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=new"]
            subprocess.run([maven, "-q", "-B", *wanted], cwd=CACHE, check=True, timeout=900)
            (CACHE / "new").rename(found)
        return found


def free_port() -> int:
    """Return a port that the system has just chosen for somebody."""
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port: int = chosen.getsockname()[1]
        return port


@contextmanager
def broker(java: str, maven: str, folder: Path) -> Iterator[str]:
    """Run a broker while the block runs; gives its address."""
    port, controller = free_port(), free_port()
    properties = folder / "server.properties"
    properties.write_text(_PROPERTIES.format(port=port, controller=controller, folder=folder))
    program = [java, "-Xmx256m", "-Xms64m", "-cp", f"{jars(maven)}/*"]
    cluster = "MkU3OEVBNTcwNTJENDM2Qg"
    subprocess.run(
        [*program, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    with (folder / "broker.log").open("wb") as log:
        running = subprocess.Popen(
            [*program, "kafka.Kafka", str(properties)], cwd=folder, stdout=log, stderr=log
        )
    try:
        _wait_for(port, running, folder)
        yield f"127.0.0.1:{port}"
    finally:
        running.kill()
        running.wait()


def _wait_for(port: int, running: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            said = (folder / "broker.log").read_text(errors="replace")[-2_000:]
            if running.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the broker does not run: {said}") from None
            time.sleep(0.1)
        else:
            return
