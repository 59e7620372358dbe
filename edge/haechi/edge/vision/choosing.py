"""Which form of a detector this machine runs: measured once, remembered with the machine that it was measured on.

Promise: ``auto`` is fp32, which finds more, except where int8 proves much faster here. What was measured is measured
again when the machine, its processor, onnxruntime, the model or the number of threads is another; a memory that is
damaged or cannot be written costs a second at each start, nothing more.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import onnxruntime

from haechi.edge.vision.config import WITHOUT_MODEL, DetectorConfig
from haechi.edge.vision.models import cache
from haechi.edge.vision.models.errors import ModelMissing
from haechi.edge.vision.runtime import open_session
from haechi.text import _

_TURNS = 11
_WORTH_INT8 = 1.5  # times as fast; for less, what it misses is too dear
_FILE, _LOCK = "detectors.json", ".detectors.lock"
_REMEMBERED_MAX = 16


class Times(msgspec.Struct, frozen=True):
    """An ordinary run of each form."""

    fp32_ms: float
    int8_ms: float


class Chosen(NamedTuple):
    """A detector whose form is settled, and why."""

    config: DetectorConfig
    said: str
    """One line for people."""


def choose(config: DetectorConfig, memory: Path | None = None, machine: Callable[[], str] | None = None) -> Chosen:
    """Settles the precision of a detector; blocks for a second or so where it has to measure.

    Args:
        config: the detector's.
        memory: folder that keeps what was measured; None keeps nothing.
        machine: names this machine, for tests.

    Raises:
        ModelError: the model is missing or damaged; the text says what to do.
    """
    if config.model in WITHOUT_MODEL or cache.is_path(config.model):
        return Chosen(config, config.model)
    name = f"{config.model} {config.input_size}"
    if config.precision != "auto":
        return Chosen(config, f"{name} {config.precision}")
    exact = cache.locate(config.model, "fp32", config.input_size)
    try:
        quick = cache.locate(config.model, "int8", config.input_size)
    except ModelMissing:
        return Chosen(config.model_copy(update={"precision": "fp32"}), f"{name} fp32")
    key = " | ".join([(machine or this_machine)(), exact.parent.name, name, f"{config.threads}"])
    times = _remembered(memory).get(key)
    if times is None:
        with _alone(memory):
            # Another camera of this gateway may have measured meanwhile: they all are to run the same.
            times = _remembered(memory).get(key)
            if times is None:
                exact_s, quick_s = usual_s(open_session(exact, config.threads), open_session(quick, config.threads))
                times = Times(round(1000 * exact_s, 2), round(1000 * quick_s, 2))
                _remember(memory, key, times)
    precision = "int8" if times.fp32_ms >= _WORTH_INT8 * times.int8_ms else "fp32"
    said = _("{name} {precision}; a run takes {fp32:.0f} ms as fp32, {int8:.0f} ms as int8 on this machine")
    return Chosen(
        config.model_copy(update={"precision": precision}),
        said.format(name=name, precision=precision, fp32=times.fp32_ms, int8=times.int8_ms),
    )


def usual_s(exact: Any, quick: Any, clock_s: Callable[[], float] = time.process_time) -> tuple[float, float]:
    """A run of one model and the next of another, as computing time: of a few turns the middle one by their ratio.

    By the clock on the wall what else the machine does would decide; and by the shortest or the ordinary run of each,
    one moment in which a processor was faster than usual.
    """

    def taken_s(session: Any) -> float:
        entry = session.get_inputs()[0]
        begun_s = clock_s()
        session.run(None, {entry.name: np.zeros(entry.shape, np.float32)})
        return clock_s() - begun_s

    turns = sorted(((taken_s(exact), taken_s(quick)) for _turn in range(_TURNS)), key=lambda turn: turn[0] / turn[1])
    return turns[_TURNS // 2]


def this_machine() -> str:
    """Its name, its processors, and what runs the models on them."""
    return f"{platform.node()} | {_processor()} x {os.cpu_count()} | onnxruntime {onnxruntime.__version__}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.machine()
    # "model name" on x86, "Model" of a Raspberry Pi at the end.
    named = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("model")]
    return " ".join(dict.fromkeys(word for word in (*named, platform.machine()) if word))


@contextmanager
def _alone(memory: Path | None) -> Iterator[None]:
    """Waits until no other camera of this gateway measures; goes on at once where there is no folder to agree in."""
    with ExitStack() as held:
        if memory is not None:
            with suppress(OSError):
                memory.mkdir(parents=True, exist_ok=True)
                lock = held.enter_context((memory / _LOCK).open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remembered(memory: Path | None) -> dict[str, Times]:
    if memory is None:
        return {}
    try:
        return msgspec.json.decode((memory / _FILE).read_bytes(), type=dict[str, Times])
    except (OSError, msgspec.DecodeError):
        return {}


def _remember(memory: Path | None, key: str, times: Times) -> None:
    if memory is None:
        return
    known = {**_remembered(memory), key: times}
    latest = list(known)[-_REMEMBERED_MAX:]
    content = json.dumps({name: msgspec.to_builtins(known[name]) for name in latest}, indent=1)
    try:
        cache.write(memory / _FILE, content.encode())
    except OSError:
        return
