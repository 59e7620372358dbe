"""The gauge's firmware against the adapters that read it: over a serial line, a real broker, and under MicroPython."""

import ast
import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from haechi.adapters.json_level.adapter import JsonLevel
from haechi.adapters.serial_level.adapter import SerialLevel
from haechi.adapters.serial_level.protocols import A02
from haechi.sdk import Host
from haechi.sdk.terminal import Terminal
from support.level_gauge import FOLDER, Board, Clock, Socket, module, station
from support.micropython import micropython
from support.mosquitto import Mosquitto

TOPIC = "gauges/river-1/level"


async def test_the_serial_line_says_what_the_adapter_reads_with_and_without_an_echo() -> None:
    terminal = Terminal()
    board, clock = Board(terminal.say), Clock()

    def no_network() -> Any:
        raise OSError("no Wi-Fi yet")

    one = station(board, clock, no_network)
    config = {"port": terminal.path, "protocol": "a02", "period_s": 0.05, "silence_s": 2.0}
    adapter = SerialLevel("river-1", SerialLevel.load_config(config), Host())

    async def measure() -> None:
        while True:
            one.step()
            clock.ms += 1000
            await asyncio.sleep(0.02)

    measuring = asyncio.create_task(measure())
    try:
        async with aclosing(adapter.samples()) as samples, asyncio.timeout(10):
            assert (await anext(samples)).values == (1.953,)
            board.distance_mm = None
            drawn = asyncio.ensure_future(anext(samples))
            while adapter.host.counters["no_echo"] < 3:
                if drawn.done():  # what was on the line before
                    drawn = asyncio.ensure_future(anext(samples))
                await asyncio.sleep(0.01)
            board.distance_mm = 4321
            while (await drawn).values != (4.321,):
                drawn = asyncio.ensure_future(anext(samples))
        assert adapter.host.counters["frames_bad"] == 0
    finally:
        measuring.cancel()
        terminal.close()


@pytest.mark.servers
async def test_readings_reach_the_adapter_through_a_broker_that_lets_it_write_its_own_topic_only(
    tmp_path: Path,
) -> None:
    mqtt = module("mqtt")
    access = ("user river-1", f"topic write {TOPIC}", f"topic write {TOPIC}/status", "user gw", "topic read gauges/#")
    broker = Mosquitto(tmp_path / "broker", passwords={"river-1": "sesame7", "gw": "gw"}, access=access)
    secret = tmp_path / "password"
    secret.write_text("gw\n", encoding="utf-8")
    board, clock = Board(), Clock()
    lines: list[Socket] = []

    def connect() -> Any:
        lines.append(Socket(broker.port))
        publisher = mqtt.Publisher(lines[-1], TOPIC, 30)
        publisher.connect("river-1", "river-1", "sesame7")
        publisher.say_online()
        yield publisher

    async def step(one: Any, times: int = 1) -> None:
        for _time in range(times):
            await asyncio.to_thread(one.step)
            clock.ms += 1000

    async with broker, asyncio.timeout(30):
        config = {
            "broker_url": broker.url,
            "username": "gw",
            "password_file": str(secret),
            "topic": TOPIC,
            "retry_s": 0.1,
        }
        adapter = JsonLevel("river-1", JsonLevel.load_config(config), Host())
        one = station(board, clock, connect)
        async with aclosing(adapter.samples()) as samples:
            waiting = asyncio.ensure_future(anext(samples))
            while "SUBSCRIBE" not in broker.log:  # noqa: ASYNC110 - a log tells nobody
                await asyncio.sleep(0.01)
            await step(one, 4)
            first = await waiting
            assert (first.values, first.qualities) == ((1.953, 20.0), (1, 1))  # it warms up
            for _number in range(2):
                await anext(samples)
            assert (await anext(samples)).qualities is None

            # The power fails without a word: the broker says so, and after a restart numbers begin anew.
            lines[-1].vanish()
            again = station(board, clock, connect, "00000001")
            await step(again, 2)
            for _number in range(2):
                await anext(samples)
            assert adapter.host.counters["offline"] == 1

            # Wi-Fi was away: what the gauge kept is too old to be given the time of its arrival.
            lines[-1].vanish()
            board.distance_mm = 1500
            await step(again, 2)
            clock.ms += 10_000
            await step(again, 2)
            newest = await anext(samples)
            assert newest.values[0] == 1.5
            assert adapter.host.counters["readings_late"] == 2
            assert adapter.host.counters["readings_missed"] == 0
        lines.append(Socket(broker.port))
        with pytest.raises(OSError, match="the broker does not let us in"):
            mqtt.Publisher(lines[-1], TOPIC, 30).connect("river-1", "river-1", "wrong")
        for line in lines:
            line.close()


def test_under_micropython_it_says_what_it_says_here_and_the_board_part_is_sound() -> None:
    code = """
import gauge, mqtt, station

class Board:
    def echo_us(self): return 11375
    def temperature_cc(self): return 2000
    def say(self, frame): frames.append(frame)
    def feed(self): pass

class Clock:
    ms = 10000
    def now_ms(self): return self.ms
    def since_ms(self, then): return self.ms - then
    def time_ms(self): return 1795334400123
    def tend(self): return False

class Stream:
    answer, number = b"\\x20\\x02\\x00\\x00", 0
    def write(self, data):
        sent.append(data)
        if data[0] >> 4 == 3:
            self.number += 1
            self.answer += b"\\x40\\x02" + self.number.to_bytes(2, "big")
    def read(self, size):
        read, self.answer = self.answer[:size], self.answer[size:]
        return read

def connect():
    publisher = mqtt.Publisher(Stream(), "gauges/river-1/level", 30)
    publisher.connect("river-1", "river-1", "secret")
    yield None
    publisher.say_online()
    yield publisher

frames, sent = [], []
clock = Clock()
one = station.Station(Board(), clock, connect, "9f3a01c2")
for _second in range(7):
    one.step()
    clock.ms += 1000
print([frames, sent, one.trouble, len(one.backlog)])
"""
    here: list[str] = []
    exec(  # noqa: S102 - the same lines that run there
        code,
        {"__builtins__": {**vars(__import__("builtins")), "print": lambda said: here.append(repr(said))}},
    )
    board_part = (FOLDER / "main.py").read_text(encoding="utf-8")
    there = micropython(f"import clock\ncompile({board_part!r}, 'main.py', 'exec')\n{code}", FOLDER)
    frames, sent, trouble, waiting = ast.literal_eval(there)
    assert (trouble, waiting) == ("", 0)
    assert A02().feed(b"".join(frames)) == [1953] * 7
    assert len(sent) == 2 + 7
    here_frames, here_sent, *_rest = ast.literal_eval(here[0])
    assert frames == here_frames
    assert sent[:2] == here_sent[:2]
    # MicroPython's JSON may order and space keys as it likes; what is said is the same.
    assert [_said(one) for one in sent[2:]] == [_said(one) for one in here_sent[2:]]


def _said(packet: bytes) -> Any:
    return ast.literal_eval(packet[packet.index(b"{") :].decode())
