"""Consume topics of Apache Kafka, from our own positions.

A broker keeps messages, so nothing is spooled: where we stand is kept with what was sealed, and the
broker's own memory of consumers is never asked.  Each partition is a source, ``NAME/TOPIC/PARTITION``,
and each message a record.  What waits for a broker (what topics there are, where they begin and
end) is done in a thread of its own; `poll` only takes what the client has fetched.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from hisn.core.limits import MAX_LINE_BYTES
from hisn.errors import InputError
from hisn.live.feed import Position
from hisn.live.piece import FeedNote, Piece, longer_head
from hisn.live.stream import Notes, Stream
from hisn.live.tails import broken_position

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, Message

LOOK_S = 30.0
"""Seconds between two looks for new partitions; `LOOK_AGAIN_S` while there is trouble."""
LOOK_AGAIN_S = 1.0
ASK_S = 2.0
_FETCH = 100
"""Messages taken from the client at a time; what a poll has no room for waits for the next one."""
_MAX_PARTITIONS = 10_000
_BREAKS = re.compile(rb"[\r\n]+")
_OURS: dict[str, str | int | bool] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    # What the client fetches ahead, in all: memory, not speed, is what a flood would take.
    "queued.max.messages.kbytes": 16_384,
    "fetch.max.bytes": 8_388_608,
    "fetch.message.max.bytes": 1_048_576,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSource:
    """Say what to consume; `settings` are the client's own, for security. `from_end`: at first."""

    brokers: str
    topics: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    from_end: bool = False


class _Place(NamedTuple):
    """Say where a partition is to be consumed from, and what is lost before it."""

    topic: str
    partition: int
    offset: int
    lost: int = 0
    is_new_topic: bool = False


@dataclass(slots=True)
class _Partition:
    """Stand in one partition; `offset` is of the next message that is given."""

    stream: Stream
    offset: int
    generation: int | None = None
    head: bytes = b""
    is_assigned: bool = False


class KafkaFeed:
    """Give the messages of topics."""

    def __init__(self, name: str, source: KafkaSource) -> None:
        self.name = name
        self._source = source
        self._notes = Notes()
        self._partitions: dict[tuple[str, int], _Partition] = {}
        self._fetched: deque[Message] = deque()
        self._found: deque[_Place] = deque()
        self._lock = threading.Lock()
        self._looked_for: set[tuple[str, int]] = set()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble: str | None = None
        self._is_unreadable = False
        self._is_first = True
        self._consumer: Consumer | None = None

    def resume(self, position: Position | None, now_us: int) -> None:
        """Begin to look for the broker. Raises InputError (E2600, E2601), StorageError (E5640)."""
        del now_us
        for key, value in (position or {}).items():
            topic, _, number = key.rpartition("/")
            match value:
                case [int(offset), int(start), int(record), int(generation)] if number.isdecimal():
                    stream = Stream(f"{self.name}/{key}", start, record, generation)
                    self._partitions[topic, int(number)] = _Partition(stream, offset)
                case _:
                    raise broken_position(f"{self.name}: {key} {value!r:.200}")
        self._is_first = position is None
        self._consumer = _consumer(self.name, self._source, self._failed)
        self._thread = threading.Thread(target=self._look, name="hisn kafka", daemon=True)
        self._thread.start()

    def poll(self, max_bytes: int, now_us: int) -> Sequence[Piece]:
        """Return what the client has fetched."""
        if self._consumer is None:
            return ()
        self._assign(now_us)
        lines: dict[tuple[str, int], list[bytes]] = {}
        given = 0
        while given < max_bytes:
            if not self._fetched:
                self._fetched.extend(self._consumer.consume(_FETCH, 0))
            if not self._fetched:
                break
            message = self._fetched.popleft()
            line = self._line(message, now_us)
            if line:
                lines.setdefault(_key_of(message), []).append(line)
                given += len(line)
        self._tell_trouble(now_us, is_heard=bool(lines))
        return [self._piece(key, parts, now_us) for key, parts in sorted(lines.items())]

    def position(self) -> Position:
        """Return where the feed stands, a part for each partition."""
        return {
            f"{topic}/{number}": [each.offset, each.stream.start, each.stream.record, each.stream.generation]
            for (topic, number), each in sorted(self._partitions.items())
        }

    def committed(self, position: Position) -> None:
        """Take note; the broker is told nothing."""

    def notes(self, now_us: int) -> Sequence[FeedNote]:
        """Return what was noticed since the last call."""
        del now_us
        return self._notes.take()

    def close(self) -> None:
        """Leave the broker."""
        self._stop.set()
        self._wake.set()
        if self._thread:
            self._thread.join()
            self._thread = None
        if self._consumer:
            self._consumer.close()
            self._consumer = None

    # In the thread of the caller

    def _assign(self, now_us: int) -> None:
        """Consume what was found since the last call."""
        from confluent_kafka import TopicPartition

        while self._found and self._consumer:
            place = self._found.popleft()
            key = (place.topic, place.partition)
            known = self._partitions.get(key)
            if known is None:
                stream = Stream(f"{self.name}/{place.topic}/{place.partition}")
                known = self._partitions[key] = _Partition(stream, place.offset)
                if self._source.from_end and place.offset:
                    self._notes.add(stream.source, "began", now_us, place.offset, "records")
            if place.is_new_topic or place.lost:
                reason = "the topic was made anew" if place.is_new_topic else "the broker has deleted them"
                self._notes.add(
                    known.stream.source,
                    "gap",
                    now_us,
                    place.lost,
                    "records",
                    is_exact=False,
                    offset=known.stream.start,
                    reason=reason,
                )
            if place.is_new_topic:
                known.offset, known.generation = place.offset, None
                self._fetched = deque(each for each in self._fetched if _key_of(each) != key)
            # While we were looking, the last messages that the client had may have been given.
            known.offset = max(known.offset, place.offset)
            partition = TopicPartition(place.topic, place.partition, known.offset)
            if known.is_assigned:
                self._consumer.incremental_unassign([partition])
            self._consumer.incremental_assign([partition])
            known.is_assigned = True

    def _line(self, message: Message, now_us: int) -> bytes:
        """Return a message as a line, and step behind it."""
        key = _key_of(message)
        partition = self._partitions.get(key)
        error = message.error()
        if error is not None:
            self._failed(error, partition=key)
            return b""
        offset = message.offset()
        if partition is None or offset is None or offset < partition.offset:
            return b""
        partition.offset = offset + 1
        line = line_of(message.value())
        if len(line) > MAX_LINE_BYTES + 1:
            self._note(partition, "overlong", now_us, len(line), "bytes")
            return b""
        if not line:
            self._note(partition, "hole", now_us, 1, "records")
        return line

    def _note(self, partition: _Partition, kind: Any, now_us: int, count: int, unit: Any) -> None:
        stream = partition.stream
        reason = "a message without content" if kind == "hole" else ""
        self._notes.add(stream.source, kind, now_us, count, unit, offset=stream.start, reason=reason)

    def _piece(self, key: tuple[str, int], parts: list[bytes], now_us: int) -> Piece:
        partition = self._partitions[key]
        data = b"".join(parts)
        if partition.generation is None:
            # What was given before cannot be looked at again for its head.
            partition.generation, partition.head = partition.stream.begin(), b""
        partition.head = longer_head(partition.head, data)
        return partition.stream.piece(partition.generation, data, partition.head, now_us)

    def _tell_trouble(self, now_us: int, *, is_heard: bool) -> None:
        trouble = None if is_heard else self._trouble
        if trouble and not self._is_unreadable:
            self._is_unreadable = True
            self._notes.add(self.name, "unreadable", now_us, reason=trouble)
        elif not trouble and self._is_unreadable:
            self._is_unreadable = False
            self._notes.add(self.name, "readable", now_us)

    # In the thread that looks for partitions, or in both

    def _failed(self, error: KafkaError, partition: tuple[str, int] | None = None) -> None:
        """Take note of what a broker or the client says."""
        from confluent_kafka import KafkaError

        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 -- the client's public codes look so
            return
        self._trouble = error.str()
        if partition is not None:
            # Where it begins has changed under us, or it is gone: look where it is now.
            with self._lock:
                self._looked_for.discard(partition)
            self._wake.set()

    def _look(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            wait_s = LOOK_S if self._find() else LOOK_AGAIN_S
            self._wake.wait(wait_s)
            # Whatever woke us may go on doing so.
            self._stop.wait(min(wait_s, LOOK_AGAIN_S))

    def _find(self) -> bool:
        """Find partitions that are not consumed; tell whether all of them were found."""
        from confluent_kafka import KafkaException

        consumer = self._consumer
        if consumer is None:
            return True
        is_whole = True
        for topic in self._source.topics:
            if self._stop.is_set():
                return True
            try:
                known = consumer.list_topics(topic, timeout=ASK_S).topics[topic]
                if known.error is not None:
                    raise KafkaException(known.error)
                for number in sorted(known.partitions)[:_MAX_PARTITIONS]:
                    self._find_partition(consumer, topic, number)
            except KafkaException as error:
                self._failed(error.args[0])
                is_whole = False
        self._is_first = self._is_first and not is_whole
        if is_whole:
            self._trouble = None
        return is_whole

    def _find_partition(self, consumer: Consumer, topic: str, number: int) -> None:
        from confluent_kafka import TopicPartition

        with self._lock:
            if (topic, number) in self._looked_for:
                return
        found: Any = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=ASK_S)
        if found is None:
            return
        low, high = found
        known = self._partitions.get((topic, number))
        if known is None:
            place = _Place(topic, number, high if self._is_first and self._source.from_end else low)
        elif known.offset > high:
            place = _Place(topic, number, low, is_new_topic=True)
        else:
            place = _Place(topic, number, max(low, known.offset), lost=max(low - known.offset, 0))
        with self._lock:
            self._looked_for.add((topic, number))
        self._found.append(place)


def _key_of(message: Message) -> tuple[str, int]:
    return message.topic() or "", message.partition() or 0


def line_of(value: bytes | str | None) -> bytes:
    r"""Return the value of a message as one line with its end; nothing if it has none.

    Within JSON, breaks are between its parts and become spaces; within text they are part of it
    and become ``#012``, so that no message can pretend to be two.
    """
    text = (value.encode() if isinstance(value, str) else value or b"").strip(b"\r\n\0")
    if not text:
        return b""
    if b"\n" in text:
        text = _BREAKS.sub(b" ", text) if text.lstrip()[:1] in (b"{", b"[") else text.replace(b"\n", b"#012")
    return text + b"\n"


def _consumer(name: str, source: KafkaSource, on_error: Any) -> Consumer:
    try:
        from confluent_kafka import Consumer, KafkaException
    except ImportError as error:
        raise InputError(
            "E2601",
            "the library confluent-kafka is missing",
            hint="pip install 'hisn[kafka]', or leave [[kafka]] out",
            unchanged="nothing was started",
        ) from error
    quiet = logging.getLogger("hisn.kafka")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    settings: dict[str, Any] = {
        "client.id": "hisn",
        "group.id": f"hisn-{name}",
        **source.settings,
        **_OURS,
        "bootstrap.servers": source.brokers,
        "error_cb": on_error,
    }
    try:
        return Consumer(settings, logger=quiet)
    except (KafkaException, TypeError, ValueError) as error:
        raise InputError(
            "E2600",
            f"{name}: the client of Kafka refuses its settings: {error}",
            hint="settings are those of librdkafka, such as security.protocol and sasl.username",
            unchanged="nothing was started",
        ) from error
