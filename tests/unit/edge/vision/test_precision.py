"""Which form of the detector is taken when the machine may choose."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from haechi.edge.vision import detector
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


def test_the_shortest_run_counts() -> None:
    clock = [0.0]
    sessions = [Session(clock, [9, 4, 5, 4]), Session(clock, [3, 9, 9, 2])]
    assert detector.fastest_s(sessions, lambda: clock[0]) == pytest.approx([4, 2])


@pytest.mark.parametrize(
    ("precision", "times_s", "taken"),
    [("auto", (3.0, 2.1), "fp32"), ("auto", (3.0, 1.9), "int8"), ("int8", None, "int8"), ("fp32", None, "fp32")],
)
def test_int8_is_taken_where_it_is_much_faster(
    monkeypatch: pytest.MonkeyPatch, precision: str, times_s: tuple[float, float] | None, taken: str
) -> None:
    monkeypatch.setattr(cache, "locate", lambda _name, precision, _size: Path(precision))
    monkeypatch.setattr(detector, "open_session", lambda path, _threads: path)
    monkeypatch.setattr(detector, "fastest_s", lambda _sessions: times_s)
    monkeypatch.setattr(detector, "NanoDet", lambda path, _labels, **_options: path)
    config = DetectorConfig.model_validate({"precision": precision})
    found: object = detector.open_detector(config, ("person",))
    assert found == Path(taken)


def test_without_a_verified_int8_it_is_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    def locate(_name: str, precision: str, _size: str) -> Path:
        if precision == "int8":
            raise ModelMissing("no int8")
        return Path(precision)

    monkeypatch.setattr(cache, "locate", locate)
    monkeypatch.setattr(detector, "NanoDet", lambda path, _labels, **_options: path)
    found: object = detector.open_detector(DetectorConfig(), ("person",))
    assert found == Path("fp32")
