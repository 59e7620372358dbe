"""Which form of the detector is taken when the machine may choose, and that it is measured once."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from haechi.edge.vision import choosing
from haechi.edge.vision.config import DetectorConfig
from haechi.edge.vision.models import cache
from haechi.edge.vision.models.errors import ModelMissing


class Session:
    """A model that takes so long each time it runs."""

    def __init__(self, clock: list[float], takes_s: Sequence[float]) -> None:
        self._clock = clock
        self._takes_s = iter(takes_s)

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="image", shape=[1, 3, 8, 8])]

    def run(self, _outputs: None, _inputs: object) -> None:
        self._clock[0] += next(self._takes_s)


def test_neither_a_slow_nor_a_quick_moment_counts() -> None:
    clock = [0.0]
    exact = Session(clock, [9, 4, 8, 4, 4, 1, 4, 8, 4, 4, 4])
    quick = Session(clock, [3, 9, 6, 1, 3, 3, 3, 6, 1, 3, 3])
    exact_s, quick_s = choosing.usual_s(exact, quick, lambda: clock[0])
    assert exact_s / quick_s == pytest.approx(4 / 3)


class Bench:
    """Models that are there, and how long they take; counts how often that is measured."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times_s = [0.030, 0.019]
        self.measured = 0
        self.meanwhile: Callable[[], None] = lambda: None
        self.model = "recipe-1"
        monkeypatch.setattr(cache, "locate", lambda _name, precision, _size: Path(self.model, precision))
        monkeypatch.setattr(choosing, "open_session", lambda path, _threads: path)
        monkeypatch.setattr(choosing, "usual_s", self._measure)

    def _measure(self, *_sessions: object) -> list[float]:
        self.measured += 1
        self.meanwhile()
        return self.times_s


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


@pytest.mark.parametrize(
    ("precision", "int8_s", "taken", "measured"),
    [("auto", 0.021, "fp32", 1), ("auto", 0.019, "int8", 1), ("int8", 0.05, "int8", 0), ("fp32", 0.001, "fp32", 0)],
)
def test_int8_is_taken_where_it_is_much_faster(
    bench: Bench, precision: str, int8_s: float, taken: str, measured: int
) -> None:
    bench.times_s[1] = int8_s
    chosen = choosing.choose(DetectorConfig.model_validate({"precision": precision}))
    assert chosen.config.precision == taken
    assert taken in chosen.said
    assert bench.measured == measured


def test_it_is_measured_once_and_again_when_machine_model_or_threads_change(bench: Bench, tmp_path: Path) -> None:
    def choose(machine: str = "pi | cortex-a76", threads: int = 1) -> str:
        config = DetectorConfig(threads=threads)
        return choosing.choose(config, tmp_path / "cameras", lambda: machine).said

    first = choose()
    bench.times_s = [1.0, 1.0]
    assert choose() == first
    assert bench.measured == 1
    assert choose("pi | cortex-a72") != first
    assert choose(threads=2) != first
    bench.model = "recipe-2"
    assert choose() != first
    assert bench.measured == 4


@pytest.mark.parametrize("content", [b"", b"{", b'{"x": 3}', b"\xff"])
def test_a_damaged_memory_costs_one_measurement(bench: Bench, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "detectors.json").write_bytes(content)
    for _start in range(2):
        choosing.choose(DetectorConfig(), tmp_path)
    assert bench.measured == 1


def test_the_memory_stays_small_and_may_be_missing(bench: Bench, tmp_path: Path) -> None:
    for n in range(40):
        choosing.choose(DetectorConfig(), tmp_path, lambda n=n: f"machine {n}")  # type: ignore[misc]
    assert (tmp_path / "detectors.json").stat().st_size < 5000
    (tmp_path / "a file").touch()
    assert choosing.choose(DetectorConfig(), tmp_path / "a file").config.precision == "int8"


def test_without_a_verified_int8_it_is_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    def locate(_name: str, precision: str, _size: str) -> Path:
        if precision == "int8":
            raise ModelMissing("no int8")
        return Path(precision)

    monkeypatch.setattr(cache, "locate", locate)
    assert choosing.choose(DetectorConfig()).config.precision == "fp32"


def test_this_machine_has_a_name_and_processors() -> None:
    assert "onnxruntime" in choosing.this_machine()
    assert choosing.this_machine() == choosing.this_machine()


@pytest.mark.parametrize("model", ["background", "none", "own.onnx"])
def test_where_there_is_nothing_to_choose_nothing_is_measured(bench: Bench, model: str) -> None:
    assert choosing.choose(DetectorConfig(model=model)) == (DetectorConfig(model=model), model)
    assert not bench.measured


def test_cameras_that_start_together_measure_once_and_run_the_same(bench: Bench, tmp_path: Path) -> None:
    both_measure = threading.Barrier(2, timeout=0.3)

    def wait_for_the_other() -> None:
        with suppress(threading.BrokenBarrierError):
            both_measure.wait()
        bench.times_s = [0.030, 0.030]

    bench.meanwhile = wait_for_the_other
    bench.times_s = [0.030, 0.010]
    with ThreadPoolExecutor(2) as cameras:
        chosen = list(cameras.map(lambda _camera: choosing.choose(DetectorConfig(), tmp_path), range(2)))
    assert bench.measured == 1
    assert chosen[0] == chosen[1]
