"""Objects on paths, for tests of what follows and judges them."""

from haechi.edge.vision.detection import Detection
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.labels import Label


def standing(foot: Point, *, width: float = 0.05, height: float = 0.15) -> Box:
    """A box whose foot point is there."""
    return Box(foot.x - width / 2, foot.y - height, foot.x + width / 2, foot.y)


def seen(
    foot: Point, label: Label = "person", score: float = 0.8, *, width: float = 0.05, height: float = 0.15
) -> Detection:
    """A detection of something that stands there."""
    return Detection(standing(foot, width=width, height=height), label, score)


def between(a: Point, b: Point, share: float) -> Point:
    """The point so far on the way from a to b."""
    return Point(a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share)
