"""Packets of a live stream: new ones, however slowly they are taken."""

import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from haechi.edge.vision import arrivals
from haechi.edge.vision.arrivals import Arrivals


class Packet(NamedTuple):
    name: str
    size: int = 1000

    @property
    def is_keyframe(self) -> bool:
        return self.name.startswith("key")


class Stream:
    """A stream that sends what it is told to, and the clock beside it."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._sent: queue.Queue[Packet | None] = queue.Queue()
        self.asked = threading.Event()
        self.arrivals = Arrivals(self._packets(), clock_s=self._clock_s)

    def _clock_s(self) -> float:
        self.asked.set()
        return self.now_s

    def _packets(self) -> Iterator[Packet]:
        while (packet := self._sent.get()) is not None:
            yield packet
            self._sent.task_done()
        self._sent.task_done()

    def send(self, *names: str, size: int = 1000) -> None:
        for name in names:
            self._sent.put(Packet(name, size))
        self._sent.join()

    def end(self) -> None:
        self._sent.put(None)

    def take(self) -> tuple[str, bool]:
        taken = self.arrivals.take()
        assert taken is not None
        return taken.packet.name, taken.anew


@pytest.fixture
def stream() -> Iterator[Stream]:
    it = Stream()
    yield it
    it.end()
    assert it.arrivals.stop(10)


@contextmanager
def later(stream: Stream) -> Iterator[Future[tuple[str, bool]]]:
    """Takes in a thread, which has looked at the clock when this is entered."""
    stream.asked.clear()
    with ThreadPoolExecutor(1) as taker:
        taken = taker.submit(stream.take)
        assert stream.asked.wait(10)
        yield taken


def test_who_keeps_up_gets_everything(stream: Stream) -> None:
    stream.send("key 1", "a", "b")
    assert [stream.take() for _ in range(3)] == [("key 1", False), ("a", False), ("b", False)]
    assert stream.arrivals.left_out == 0


def test_who_is_late_goes_on_with_the_newest_key_frame(stream: Stream) -> None:
    stream.send("key 1", "a", "b", "key 2", "c")
    assert stream.take() == ("key 1", False)
    stream.now_s = 1.5
    stream.send("key 3", "d")
    assert stream.take() == ("key 3", True)
    assert stream.take() == ("d", False)
    assert stream.arrivals.left_out == 4


def test_without_a_newer_key_frame_the_next_is_waited_for(stream: Stream) -> None:
    stream.send("key 1", "a", "b")
    assert stream.take() == ("key 1", False)
    stream.now_s = 1.5
    with later(stream) as taken:
        stream.send("c", "key 2", "d")
        assert taken.result(10) == ("key 2", True)
    assert stream.take() == ("d", False)
    assert stream.arrivals.left_out == 3


def test_a_key_frame_is_taken_however_late(stream: Stream) -> None:
    stream.send("key 1")
    stream.now_s = 5.0
    assert stream.take() == ("key 1", False)


def test_an_encoder_that_sends_no_more_key_frames_is_seen_all_the_same(stream: Stream) -> None:
    stream.send("key 1", "a")
    stream.take()
    stream.now_s = 2.0
    with later(stream) as taken:
        stream.send("b")
        stream.now_s = 12.5
        stream.send("c")
        assert taken.result(10) == ("c", True)
    assert stream.arrivals.left_out == 2


def test_what_is_held_is_bounded(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "BYTES_MAX", 10_000)
    stream.send("key 1", "a", "b", size=4000)
    assert stream.arrivals.left_out == 3
    stream.send("c", "key 2", size=4000)
    assert stream.take() == ("key 2", True)


def test_its_end_is_told_after_what_came(stream: Stream) -> None:
    stream.send("key 1")
    stream.end()
    assert stream.take() == ("key 1", False)
    assert stream.arrivals.take() is None
