"""The gauge's own code: distances are right, our adapters read what it says, and its memory is bounded."""

import itertools
import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.adapters.json_level.messages import reading_of
from haechi.adapters.serial_level.protocols import A02
from support.level_gauge import BOOT, FOLDER, Board, Clock, module, station

gauge = module("gauge")
RANGE = st.integers(gauge.RANGE_MIN_MM, gauge.RANGE_MAX_MM)


def refuse() -> Any:
    raise OSError("no Wi-Fi yet")


@given(RANGE, st.integers(-2000, 4000))
def test_a_distance_is_right_within_three_thousandths(distance_mm: int, temperature_cc: int) -> None:
    """Against the exact speed of sound in dry air, 331.3 m/s × √(1 + T/273.15)."""
    speed_mm_us = 0.3313 * (1 + temperature_cc / 27315) ** 0.5
    echo_us = round(2 * distance_mm / speed_mm_us)
    assert abs(gauge.distance_mm_of(echo_us, temperature_cc) - distance_mm) <= 1 + 0.003 * distance_mm


@given(st.lists(st.one_of(st.none(), RANGE), min_size=1, max_size=20))
def test_what_it_says_on_the_serial_line_is_what_the_adapter_hears(distances_mm: list[int | None]) -> None:
    stream = b"".join(gauge.frame_of(one) for one in [*distances_mm, 1000])
    assert A02().feed(stream) == [one or 0 for one in distances_mm] + [1000]


@given(st.one_of(st.none(), RANGE), st.one_of(st.none(), st.integers(-2000, 6000)), st.booleans(), st.booleans())
def test_what_it_publishes_is_what_the_adapter_reads(
    distance_mm: int | None, temperature_cc: int | None, is_warming_up: bool, knows_time: bool
) -> None:
    reading = gauge.Reading(7, 0, distance_mm, temperature_cc)
    reading.is_warming_up = is_warming_up
    reading.time_ms = 1_795_334_400_123 if knows_time else None
    read = reading_of(gauge.message_of(reading, BOOT, 12))
    assert (read.boot, read.seq, read.age_ms) == (BOOT, 7, 12)
    assert (read.distance_mm, read.temperature_cc) == (distance_mm, temperature_cc)
    assert read.time_ms == reading.time_ms
    assert read.state == ("no_echo" if distance_mm is None else "warming_up" if is_warming_up else "ok")


@pytest.mark.parametrize(
    ("distances_mm", "told"),
    [
        ([1000, 1001, 1002, 1003, 4000], 1002),
        ([None, None, 1000, 1001, 1002], 1001),
        ([None, None, None, 1000, 1001], None),
        ([100, 100, 5000, 1000, 1001], None),
        ([], None),
    ],
)
def test_the_middle_one_of_the_echoes_counts(distances_mm: list[int | None], told: int | None) -> None:
    assert gauge.agreed(distances_mm) == told


@given(st.lists(st.one_of(st.just("drop"), st.integers(0, 9)), max_size=60))
def test_the_backlog_keeps_the_newest_in_order(moves: list[int | str]) -> None:
    backlog, expected = gauge.Backlog(5), list[int | str]()
    for move in moves:
        if move == "drop":
            backlog.drop_oldest()
            expected = expected[1:]
        else:
            backlog.add(move)
            expected = [*expected, move][-5:]
        assert (len(backlog), backlog.oldest()) == (len(expected), expected[0] if expected else None)


def test_without_a_network_it_measures_says_and_keeps_what_fits() -> None:
    said: list[bytes] = []
    board, clock, tries = Board(said.append), Clock(), list[int]()

    def connect() -> Any:
        tries.append(clock.ms)
        refuse()

    one = station(board, clock, connect)
    for _second in range(900):
        one.step()
        clock.ms += 1000
    assert len(said) == 900
    assert A02().feed(b"".join(said))[-1] == 1953
    assert (len(one.backlog), one.backlog.oldest().seq) == (600, 301)
    assert one.trouble == "no Wi-Fi yet"
    pauses_s = [(after - before) // 1000 for before, after in itertools.pairwise(tries)]
    assert pauses_s[:6] == [2, 4, 8, 16, 32, 60]
    assert set(pauses_s[6:]) == {60}
    assert board.fed == 900


class Sent:
    """A publisher that a test may break."""

    def __init__(self, clock: Clock, takes_ms: int = 0) -> None:
        self.messages: list[dict[str, Any]] = []
        self.broken = False
        self.dropped = 0
        self.clock, self.takes_ms = clock, takes_ms

    def publish(self, message: bytes) -> None:
        self.clock.ms += self.takes_ms
        if self.broken:
            raise OSError("the broker closed the connection")
        self.messages.append(json.loads(message))

    def drop(self) -> None:
        self.dropped += 1


def test_what_was_kept_is_sent_in_order_with_its_age_and_never_lost_by_a_break() -> None:
    board, clock = Board(), Clock()
    sent = Sent(clock)
    sent.broken = True
    one = station(board, clock, lambda: iter([sent]))
    for second in range(40):
        sent.broken = second % 13 < 6
        one.step()
        clock.ms += 1000
    sent.broken = False
    clock.ms += 60_000
    for _second in range(5):
        one.step()
    assert [said["seq"] for said in sent.messages] == list(range(1, 46))
    assert max(said["age_ms"] for said in sent.messages) >= 5000
    assert {said["state"] for said in sent.messages[:3]} == {"warming_up"}
    assert {said["state"] for said in sent.messages[3:]} == {"ok"}
    assert sent.dropped == 7  # and each try that the broker ended anew


def test_a_slow_broker_makes_the_serial_line_late_by_one_word_at_most() -> None:
    board, clock = Board(), Clock()
    sent = Sent(clock, takes_ms=150)
    opened = []

    def connect() -> Any:
        for word in range(5):
            clock.ms += 2000
            opened.append(word)
            yield None
        yield sent

    one = station(board, clock, connect)
    late_ms = []
    for _second in range(60):
        begun_ms = clock.ms
        one.step()
        late_ms.append(clock.ms - begun_ms)
        clock.ms += 1000
    assert opened == list(range(5))
    assert (max(late_ms[:5]), max(late_ms[5:])) == (2000, 450)
    assert board.fed >= 60
    assert (len(one.backlog), len(sent.messages)) == (0, 60)


@pytest.mark.parametrize("error", [ValueError("invalid cert"), MemoryError()])
def test_a_certificate_that_is_none_never_ends_the_serial_line(error: Exception) -> None:
    said: list[bytes] = []

    def connect() -> Any:
        yield None
        raise error

    one = station(Board(said.append), Clock(), connect)
    for _second in range(10):
        one.step()
    assert len(said) == 10
    assert one.trouble == (str(error) or "MemoryError")


class Calendar:
    """A board's counter that turns over as MicroPython's does, its calendar, and a time server."""

    TURNS_MS = 2**30

    def __init__(self) -> None:
        self.ms = 123
        self.answers = True
        self.asked_ms: list[int] = []

    def clock(self) -> Any:
        return module("clock").Clock(lambda: self.ms % self.TURNS_MS, self.diff, lambda: 1_795_334_400_000, self.ask)

    def diff(self, one: int, other: int) -> int:
        half = self.TURNS_MS // 2
        return (one - other + half) % self.TURNS_MS - half

    def ask(self) -> None:
        self.asked_ms.append(self.ms)
        self.ms += 1000
        if not self.answers:
            raise OSError("-110")


HOUR_MS = 3_600_000


def test_a_board_that_stays_connected_for_months_keeps_knowing_the_time() -> None:
    board = Calendar()
    clock = board.clock()
    begun_ms = clock.now_ms()
    for _minute in range(60 * 24 * 60):
        clock.tend()
        assert clock.time_ms() == 1_795_334_400_000
        board.ms += 60_000
    assert len(board.asked_ms) == 60 * 4
    assert clock.since_ms(begun_ms) == board.ms - 123


def test_a_time_that_nobody_renews_is_unknown_after_twelve_hours_and_stays_unknown() -> None:
    board = Calendar()
    clock = board.clock()
    assert clock.time_ms() is None
    assert clock.tend()
    board.answers = False
    known_h = []
    for hour in range(24 * 30):
        board.ms += HOUR_MS
        clock.tend()
        if clock.time_ms() is not None:
            known_h.append(hour + 1)
    assert known_h == list(range(1, 12))
    tries = len(board.asked_ms)
    for _second in range(600):
        board.ms += 1000
        clock.tend()
    assert len(board.asked_ms) - tries == pytest.approx(600 / 31, abs=2)
    board.answers = True
    board.ms += HOUR_MS
    assert clock.tend()
    assert clock.time_ms() is not None


class Line:
    """What a broker answers, byte by byte."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.closed = answer, False

    def settimeout(self, seconds: float) -> None:
        assert seconds <= 2

    def connect(self, address: object) -> None:
        assert address == "there"

    def write(self, data: bytes) -> None:
        pass

    def read(self, size: int) -> bytes:
        read, self.answer = self.answer[:size], self.answer[size:]
        return read

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(("answer", "words"), [(b"\x20\x02\0\0\x40\x02\0\1", 3), (b"\x20\x02\0\5", 2), (b"", 2)])
def test_the_board_connects_a_word_at_a_time_and_closes_what_fails(
    answer: bytes, words: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wifi = SimpleNamespace(active=lambda on: on, isconnected=lambda: True)
    fakes = {
        "machine": SimpleNamespace(UART=None, WDT=None, Pin=None, time_pulse_us=None),
        "network": SimpleNamespace(WLAN=lambda _kind: wifi, STA_IF=0),
        "ds18x20": SimpleNamespace(),
        "onewire": SimpleNamespace(),
        "ntptime": SimpleNamespace(),
    }
    for name, fake in fakes.items():
        monkeypatch.setitem(sys.modules, name, fake)
    monkeypatch.delitem(sys.modules, "main", raising=False)
    main, line, board = module("main"), Line(answer), Calendar()
    monkeypatch.delitem(sys.modules, "main")
    found = SimpleNamespace(socket=lambda: line, getaddrinfo=lambda _host, _port: [("there",)])
    monkeypatch.setattr(main, "socket", found)
    settings = json.loads((FOLDER / "settings.example.json").read_text(encoding="utf-8"))
    opening = main.Network({**settings, "ca_file": None, "insecure": True}, board.clock()).connect()
    for _word in range(words):
        assert next(opening) is None
    assert len(board.asked_ms) == 1
    if words == 3:
        assert next(opening) is not None
        return
    with pytest.raises(OSError, match="the broker"):
        next(opening)
    assert line.closed


def test_a_broker_that_says_no_or_nonsense_is_an_error_and_never_a_hang() -> None:
    mqtt = module("mqtt")

    class Stream:
        def __init__(self, answer: bytes) -> None:
            self.answer = answer

        def write(self, data: bytes) -> None:
            pass

        def read(self, size: int) -> bytes:
            read, self.answer = self.answer[:size], self.answer[size:]
            return read

    for answer in (b"", b"\x20\x02\x00\x05", b"\x20\xff\xff\x01", b"HTTP/1.1 400", b"\x20\x02\x00\x00\x40\x02\x00\x09"):
        publisher = mqtt.Publisher(Stream(answer), "a", 30)
        with pytest.raises(OSError, match="the broker"):
            _begin(publisher)


def _begin(publisher: Any) -> None:
    publisher.connect("id", "user", "sesame7")
    publisher.say_online()


def test_no_secret_stands_in_the_example() -> None:
    example = json.loads((FOLDER / "settings.example.json").read_text(encoding="utf-8"))
    assert {example[key] for key in example if "password" in key} == {""}
    source = (FOLDER / "main.py").read_text(encoding="utf-8")
    assert all(f'settings["{key}"]' in source for key in example)
