"""How often a water level is right, doubted and wrong: ``python -m benchmarks.river ../shared/data/river``.

The gauges of ``gateway.toml`` in every picture as it is; the same pictures made worse (darker, overexposed, in fog,
with the sun in them, noisy, blurred, small); the same with what looks like a water line and is none (stains, shadows,
branches, covers, gauges that stand dry); and lines drawn at random over the staff and the target, many of them badly: a
line that nobody should draw may cost certainty, never truth.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.river.traps import TRAPS
from haechi.edge.config_file import load
from haechi.edge.vision.evaluation.levels import ERROR_MAX, read_truth
from haechi.edge.vision.geometry import Point
from haechi.edge.vision.water.waterline import find

HERE = Path(__file__).parent
LINES = 120
PICTURES_A_LINE = 8
Picture = NDArray[np.uint8]
Line = tuple[Point, Point, float]
_chance = np.random.default_rng(1)


def _clipped(picture: NDArray[np.floating]) -> Picture:
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _with_sun(picture: Picture) -> Picture:
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]] / picture.shape[0]
    return _clipped(picture + 400 * np.exp(-((x - 0.67) ** 2 + (y - 0.55) ** 2) / 0.2**2))


WORSE: dict[str, Callable[[Picture], Picture]] = {
    "as it is": lambda picture: picture,
    "a quarter of the light": lambda picture: _clipped(picture * 0.25),
    "a tenth of the light, noisy": lambda picture: _clipped(picture * 0.1 + _chance.normal(0, 5, picture.shape)),
    "three times the light": lambda picture: _clipped(picture * 3.0),
    "fog": lambda picture: _clipped(picture * 0.4 + 140),
    "sun": _with_sun,
    "noise": lambda picture: _clipped(picture + _chance.normal(0, 20, picture.shape)),
    "blurred": lambda picture: np.asarray(cv2.GaussianBlur(picture, (0, 0), 4), np.uint8),
    "half the size": lambda picture: np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5), np.uint8),
}


def random_line(chance: random.Random) -> Line:
    """A line over the staff, the target's plain middle, or the figures painted on it."""
    left, right = chance.choice([(0.366, 0.392), (0.58, 0.76), (0.43, 0.91)])
    x, lean = chance.uniform(left, right), chance.uniform(-0.01, 0.01)
    width = chance.choice([0.01, 0.02, 0.03, 0.05, 0.08])
    return Point(x, chance.uniform(0.02, 0.4)), Point(x + lean, chance.uniform(0.7, 1.0)), width


def verdict(picture: Picture, line: Line, true_row: float | None) -> str:
    """Right, doubted or wrong; without a true row whatever is told is wrong."""
    a, b, width = line
    found = find(picture, a, b, width)
    if found.at is None:
        return "doubted"
    return "right" if true_row is not None and abs(a.y + found.at * (b.y - a.y) - true_row) <= ERROR_MAX else "wrong"


def _say(name: str, counted: Counter[str]) -> None:
    print(f"{name:40} " + ", ".join(f"{counted[word]} {word}" for word in ("right", "doubted", "wrong")))


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the counts; 1 when anything but a trap is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path)
    folder = parser.parse_args(arguments).pictures
    rows = {entry.picture: entry.row for entry in read_truth(HERE / "levels.toml") if entry.row is not None}
    known = [(np.asarray(cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE), np.uint8), rows[name]) for name in rows]
    wrong = 0
    (camera,) = load(HERE / "gateway.toml").camera
    for gauge in camera.gauges:
        line = (Point(*gauge.a), Point(*gauge.b), gauge.width)
        for name, make in WORSE.items():
            counted = Counter(verdict(make(picture), line, row) for picture, row in known)
            _say(f"{gauge.name}, {name}", counted)
            wrong += counted["wrong"]
        for name, trap in TRAPS.items():
            counted = Counter(verdict(*trap(picture, line, row)) for picture, row in known)
            _say(f"{gauge.name}, {name}", counted)
    chance = random.Random(1)
    counted = Counter()
    for _line in range(LINES):
        line = random_line(chance)
        counted += Counter(verdict(*_with(line, one)) for one in chance.sample(known, PICTURES_A_LINE))
    _say(f"{LINES} lines drawn at random", counted)
    return 1 if wrong + counted["wrong"] else 0


def _with(line: Line, known: tuple[Picture, float]) -> tuple[Picture, Line, float]:
    return known[0], line, known[1]


if __name__ == "__main__":
    raise SystemExit(main())
