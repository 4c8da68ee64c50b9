"""Consume from a real broker: each message once and in order, from our own positions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic
from tests.interop.broker import broker
from tests.unit.live.logs import Watcher

from hisn.live import kafka
from hisn.live.kafka import KafkaFeed, KafkaSource
from hisn.live.piece import FeedNote

pytestmark = pytest.mark.needs("java", "mvn")


@pytest.fixture(scope="module")
def address(needs: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with broker(needs("java"), needs("mvn"), tmp_path_factory.mktemp("broker")) as address:
        yield address


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "LOOK_S", 0.5)
    monkeypatch.setattr(kafka, "LOOK_AGAIN_S", 0.1)


class Topic:
    """Make a topic, and produce to it."""

    def __init__(self, address: str, name: str, partitions: int = 1) -> None:
        self.address = address
        self.name = name
        self.admin = AdminClient({"bootstrap.servers": address})
        self.make(partitions)

    def make(self, partitions: int = 1) -> None:
        topic = NewTopic(self.name, partitions, 1)
        self.admin.create_topics([topic])[self.name].result(30)

    def delete(self) -> None:
        self.admin.delete_topics([self.name])[self.name].result(30)

    def forget_before(self, offset: int) -> None:
        partition = TopicPartition(self.name, 0, offset)
        self.admin.delete_records([partition])[partition].result(30)

    def produce(self, *values: bytes | None, partition: int = 0) -> None:
        producer = Producer({"bootstrap.servers": self.address, "linger.ms": 0})
        for value in values:
            producer.produce(self.name, value, partition=partition)
        assert producer.flush(30) == 0

    def feed(self, *, from_end: bool = False) -> KafkaFeed:
        source = KafkaSource(brokers=self.address, topics=(self.name,), from_end=from_end)
        return KafkaFeed("bus", source)


def until(watcher: Watcher, data: bytes, max_bytes: int = 1 << 20) -> None:
    deadline = time.monotonic() + 60
    while watcher.data() != data:
        assert time.monotonic() < deadline, (watcher.data()[-300:], watcher.notes)
        if not watcher.poll(max_bytes):
            time.sleep(0.02)


def until_said(watcher: Watcher, kind: str) -> FeedNote:
    deadline = time.monotonic() + 60
    while not watcher.said(kind):
        assert time.monotonic() < deadline, watcher.notes
        watcher.poll()
        time.sleep(0.02)
    return watcher.said(kind)[0]


def test_messages_come_once_from_where_we_stand(address: str) -> None:
    topic = Topic(address, "lines")
    values = [b'{"n": %d}' % number for number in range(2_000)]
    topic.produce(*values[:1_000])
    watcher = Watcher(topic.feed)
    until(watcher, b"\n".join(values[:1_000]) + b"\n", max_bytes=500)
    watcher.commit()
    topic.produce(*values[1_000:])
    until(watcher, b"\n".join(values) + b"\n")
    # What was not committed comes again, what was does not; the broker is not asked.
    watcher.crash()
    until(watcher, b"\n".join(values) + b"\n")
    assert {piece.source for piece in watcher.pieces} == {"bus/lines/0"}
    assert watcher.notes == []
    watcher.feed.close()


def test_partitions_that_come_later_are_found(address: str) -> None:
    topic = Topic(address, "growing", partitions=2)
    topic.produce(b"a", partition=0)
    topic.produce(b"b", partition=1)
    watcher = Watcher(topic.feed)
    while len(watcher.pieces) < 2:
        watcher.poll()
    topic.admin.create_partitions([NewPartitions("growing", 3)])["growing"].result(30)
    topic.produce(b"c", partition=2)
    deadline = time.monotonic() + 60
    while len(watcher.pieces) < 3:
        assert time.monotonic() < deadline
        watcher.poll()
        time.sleep(0.02)
    assert {piece.source: piece.data for piece in watcher.pieces} == {
        "bus/growing/0": b"a\n",
        "bus/growing/1": b"b\n",
        "bus/growing/2": b"c\n",
    }
    watcher.feed.close()


def test_what_the_broker_deleted_while_we_were_away_is_a_gap(address: str) -> None:
    topic = Topic(address, "short")
    topic.produce(b"0", b"1", b"2")
    watcher = Watcher(topic.feed)
    until(watcher, b"0\n1\n2\n")
    watcher.commit()
    watcher.feed.close()
    topic.produce(b"3", b"4", b"5")
    topic.forget_before(5)
    watcher.crash()
    until(watcher, b"0\n1\n2\n5\n")
    (gap,) = watcher.said("gap")
    assert (gap.source, gap.count, gap.unit) == ("bus/short/0", 2, "records")
    watcher.feed.close()


def test_a_topic_that_was_made_anew_is_a_gap_and_read_from_its_start(address: str) -> None:
    topic = Topic(address, "again")
    topic.produce(b"0", b"1", b"2")
    watcher = Watcher(topic.feed)
    until(watcher, b"0\n1\n2\n")
    watcher.commit()
    watcher.feed.close()
    topic.delete()
    time.sleep(2)
    topic.make()
    topic.produce(b"new")
    watcher.crash()
    until(watcher, b"0\n1\n2\nnew\n")
    assert "anew" in until_said(watcher, "gap").reason
    watcher.feed.close()


def test_from_the_end_and_what_is_no_line(address: str) -> None:
    topic = Topic(address, "odd")
    topic.produce(b"old")
    watcher = Watcher(lambda: topic.feed(from_end=True))
    assert until_said(watcher, "began").count == 1
    topic.produce(None, b"", b'{\n "a": 1\n}', b"text\nforged", b"x" * 900_000)
    until(watcher, b'{  "a": 1 }\ntext#012forged\n' + b"x" * 900_000 + b"\n")
    assert len(watcher.said("hole")) == 2
    watcher.feed.close()


def test_a_topic_that_is_not_there_is_said_and_read_when_it_is(address: str) -> None:
    source = KafkaSource(brokers=address, topics=("later",))
    watcher = Watcher(lambda: KafkaFeed("bus", source))
    assert until_said(watcher, "unreadable").reason
    Topic(address, "later").produce(b"here")
    until(watcher, b"here\n")
    assert until_said(watcher, "readable").source == "bus"
    watcher.feed.close()
