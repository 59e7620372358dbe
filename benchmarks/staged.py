"""People who walk through a street at known times on known ways, and what is therefore true of each picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.walkers import Picture, Street, Walker, paste
from haechi.edge.vision.geometry import Box

_STEPS_A_S = 10
_SEEN_MIN = 0.3  # of a person: who is hidden further is neither asked for nor wrong


class Way(NamedTuple):
    """One person on one walk, at constant speed."""

    walker: Walker
    from_s: float
    from_x: float
    """Of the picture's width; the left edge of the person."""
    speed: float
    """Of the picture's width a second; negative to the left."""
    foot_y: float
    height: float
    """Of the picture's height, as `foot_y`."""

    def x(self, now_s: float) -> float:
        """Where the person is."""
        return self.from_x + self.speed * (now_s - self.from_s)

    def when_s(self, x: float) -> float:
        """When the person's left edge is there."""
        return self.from_s + (x - self.from_x) / self.speed


class Person(NamedTuple):
    """One person in one picture."""

    id: int
    box_px: Box
    seen: float
    """Share of the box that nobody in front covers."""


def crowd(street: Street, seconds: float, *, seed: int, every_s: float, heights: tuple[float, float]) -> list[Way]:
    """People who come from both sides, so many seconds apart, and so pass in front of each other.

    Args:
        street: whose walkers.
        seconds: for so long.
        seed: of the chance that decides.
        every_s: somebody comes, on average.
        heights: smallest and largest, of the picture's height.
    """
    chance = np.random.default_rng(seed)
    ways, now_s = [], -8.0
    while now_s < seconds:
        height = float(chance.uniform(*heights))
        to_right = bool(chance.integers(0, 2))
        speed = float(chance.uniform(0.7, 1.1)) * 0.45 * height
        near = (height - heights[0]) / max(heights[1] - heights[0], 1e-6)
        foot_y = 0.5 + 0.45 * near + float(chance.uniform(-0.02, 0.02))
        walker = street.walkers[int(chance.integers(0, len(street.walkers)))]
        ways.append(
            Way(walker, now_s, -0.1 if to_right else 1.1, speed if to_right else -speed, min(foot_y, 0.99), height)
        )
        now_s += float(chance.exponential(every_s))
    return ways


def staged(background: Picture, ways: Sequence[Way], now_s: float) -> tuple[Picture, list[Person]]:
    """The picture with everybody who is there, the nearest in front; whom nobody can see is left out."""
    picture = background.copy()
    high, wide = picture.shape[:2]
    people: list[tuple[int, Box]] = []
    for id_, way in sorted(enumerate(ways, 1), key=lambda pair: pair[1].foot_y):
        if way.from_s <= now_s and -0.2 < way.x(now_s) < 1.2:
            step = way.walker.at(int((now_s - way.from_s) * _STEPS_A_S))
            if way.speed < 0:
                step = step._replace(colours=step.colours[:, ::-1], cover=step.cover[:, ::-1])
            box = paste(
                picture, step, left_px=way.x(now_s) * wide, foot_px=way.foot_y * high, height_px=way.height * high
            )
            people.append((id_, box))
    inside = Box(0, 0, wide, high)
    shown = [(id_, box) for id_, box in people if inside.overlap(box) > 0]
    return picture, [
        Person(id_, box, _seen(box, [other for _id, other in shown[place + 1 :]], inside))
        for place, (id_, box) in enumerate(shown)
    ]


def _seen(box: Box, in_front: Sequence[Box], picture: Box) -> float:
    """Share of a box that lies in the picture and under no box in front."""
    grid: NDArray[np.bool_] = np.ones((20, 20), np.bool_)
    x = box.left + (np.arange(20) + 0.5) / 20 * box.width
    y = box.top + (np.arange(20) + 0.5) / 20 * box.height
    grid &= ((x > picture.left) & (x < picture.right))[None, :] & ((y > picture.top) & (y < picture.bottom))[:, None]
    for other in in_front:
        grid &= ~(((x > other.left) & (x < other.right))[None, :] & ((y > other.top) & (y < other.bottom))[:, None])
    return float(grid.mean())


def write_mot(
    folder: Path, street: Street, ways: Sequence[Way], *, seconds: float, size_px: tuple[int, int]
) -> tuple[Path, Path]:
    """Writes a clip (H.264, ten pictures a second) and its truth as MOT Challenge has it; blocks for seconds."""
    clip, truth, rows = folder / "staged.mp4", folder / "gt.txt", []
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=_STEPS_A_S)
        stream.width, stream.height, stream.pix_fmt = *size_px, "yuv420p"
        stream.options = {"preset": "veryfast", "bf": "0", "g": "20", "crf": "23"}
        for number in range(round(seconds * _STEPS_A_S)):
            background = cv2.resize(street.empty[number % len(street.empty)], size_px, interpolation=cv2.INTER_CUBIC)
            picture, people = staged(np.asarray(background, np.uint8), ways, number / _STEPS_A_S)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
            for person in people:
                left, top, right, bottom = person.box_px
                asked, kind = (1, 1) if person.seen >= _SEEN_MIN else (0, 8)
                rows.append(
                    f"{number + 1},{person.id},{left + 1:g},{top + 1:g},{right - left:g},{bottom - top:g},"
                    f"{asked},{kind},{person.seen:.2f}"
                )
        container.mux(stream.encode())
    truth.write_text("\n".join(rows) + "\n", encoding="ascii")
    return clip, truth
