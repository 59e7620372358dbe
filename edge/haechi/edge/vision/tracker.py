"""Follows objects from look to look, so that one object is counted once. Pure; time is an argument.

After ByteTrack (Zhang et al., 2022): sure boxes are matched first, then unsure ones, but only to objects that are
known already; so an object half hidden keeps its identity and a shadow never becomes one. Looks are few (5 a second)
and cars are fast, so a third pass compares boxes grown on all sides. Where a box should be next says a Kalman filter of
constant velocity (:mod:`.kalman`).

An object counts (:attr:`Track.settled`) once it was seen three times and the median of its scores is high enough. A
thing that looks a little like somebody does so for hours: what never moved has to look so more surely, and what never
went its own size counts no more once its last scores fall below what everybody needs. A label is what most boxes said,
weighted by score.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from haechi.edge.vision.detection import Detection
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.kalman import Axis
from haechi.edge.vision.labels import Label, family

SCORE_MIN_UNSURE = 0.2
"""Boxes below this are no use even for objects that are known."""

_SEEN_TO_SETTLE = 3
_SURER_WHEN_STILL = 0.1
_MOVED_SHARE, _CAME_SHARE = 0.3, 1.0  # of its own size; boxes tremble by less than the one, small ones than the other
_MISSES_TO_DROP = 3
_OVERLOOKED_MAX = 5
_LOST_S = 2.0  # how long an object may be hidden and keep its identity
_LIKENESS_SURE = 0.2
_LIKENESS_UNSURE = 0.5  # half of somebody behind a pole is unsure too, and is not where all of him is
_LIKENESS_GROWN = 0.1
_GROWN_SHARE = 0.6
_SIZE_RATIO_MAX = 2.5  # between looks nothing grows or shrinks by more
_ERROR = 0.2  # of a box's size: how far its middle is from the object's
_ACCELERATION, _VELOCITY = 1.0, 6.0  # heights a second squared, heights a second: a braking car, a fast one
_PREDICT_S_MAX = 2.0  # beyond this a constant velocity says nothing


@dataclass(slots=True)
class Track:
    """One object over time."""

    id: int
    box: Box
    first_seen_s: float
    last_seen_s: float
    score_min: float
    across: Axis
    down: Axis
    """Of its middle, fractions of the picture."""
    misses: int = 0
    overlooked: int = 0
    """Looks in a row that could not have shown it: then its box is where it should be."""
    seen: int = 1
    scores: deque[float] = field(default_factory=lambda: deque(maxlen=10))
    votes: dict[Label, float] = field(default_factory=dict)
    _settled: bool = False
    _way: float = 0.0
    _began: Point | None = None

    @property
    def label(self) -> Label:
        """What most of its boxes said."""
        return max(self.votes, key=lambda label: self.votes[label])

    @property
    def score(self) -> float:
        """Median of its last scores."""
        return median(self.scores)

    @property
    def settled(self) -> bool:
        """Whether it counts; what has come from elsewhere and counted once goes on counting."""
        return self._settled

    @property
    def moved(self) -> bool:
        """Whether it was ever seen clearly elsewhere than where it began."""
        return self._way >= _MOVED_SHARE

    def expected(self, now_s: float) -> Box:
        """Where it should be now."""
        ahead_s = min(now_s - self.last_seen_s, _PREDICT_S_MAX)
        middle = self.box.centre
        return self.box.moved(self.across.ahead(ahead_s) - middle.x, self.down.ahead(ahead_s) - middle.y)

    def see(self, detection: Detection, now_s: float) -> None:
        """Takes a box of it into account."""
        passed_s = now_s - self.last_seen_s
        if passed_s > 0:
            middle = detection.box.centre
            self.across.measure(middle.x, passed_s)
            self.down.measure(middle.y, passed_s)
            self.seen += 1
            began = self._began = self._began or self.box.centre
            way = max(abs(middle.x - began.x) / self.box.width, abs(middle.y - began.y) / self.box.height)
            self._way = max(self._way, way)
        self.box, self.last_seen_s, self.misses, self.overlooked = detection.box, now_s, 0, 0
        self.note(detection)

    def overlook(self, now_s: float) -> None:
        """It could not be seen: it is taken to have gone on as before."""
        self.overlooked += 1
        self.box = self.expected(now_s)

    def stand(self) -> None:
        """It is where it was: nothing moves."""
        middle = self.box.centre
        self.across.stand(middle.x)
        self.down.stand(middle.y)

    def note(self, detection: Detection) -> None:
        """Counts a box's score and label."""
        self.scores.append(detection.score)
        self.votes[detection.label] = self.votes.get(detection.label, 0.0) + detection.score
        enough = self.score_min if self.moved or self._settled else self.score_min + _SURER_WHEN_STILL
        if self.seen >= _SEEN_TO_SETTLE and self.score >= enough:
            self._settled = True
        elif self._way < _CAME_SHARE:
            self._settled = False


class Tracker:
    """All objects in one camera's view."""

    def __init__(self, *, score_min: float) -> None:
        """Begins with an empty view.

        Args:
            score_min: a box at least so sure may begin an object, and an object's median must reach it to count.
        """
        self._score_min = score_min
        self._tracks: list[Track] = []
        self._last_id = 0

    @property
    def tracks(self) -> Sequence[Track]:
        """Objects that are there or were hidden only just now."""
        return self._tracks

    @property
    def occupied(self) -> bool:
        """Whether an object that counts is there."""
        return any(track.settled for track in self._tracks)

    @property
    def doubtful(self) -> bool:
        """Whether another look would tell more: an object that counts was missed, or one is too new to count."""
        return any(track.misses if track.settled else track.seen < _SEEN_TO_SETTLE for track in self._tracks)

    def look(
        self, detections: Iterable[Detection], now_s: float, overlooks: Callable[[Box], bool] = lambda _box: False
    ) -> Sequence[Track]:
        """Takes the boxes of one look into account.

        Args:
            detections: without doubles; those below :data:`SCORE_MIN_UNSURE` are of no use.
            now_s: time of the picture, of a clock that only rises.
            overlooks: whether the look could not have shown what is there: then nobody is missed for it.
        """
        detections = list(detections)
        sure = [d for d in detections if d.score >= self._score_min]
        unsure = [d for d in detections if SCORE_MIN_UNSURE <= d.score < self._score_min]
        free = list(self._tracks)
        _match(free, sure, now_s, _LIKENESS_SURE, lambda track, d: track.expected(now_s).likeness(d.box))
        _match(free, unsure, now_s, _LIKENESS_UNSURE, lambda track, d: track.expected(now_s).likeness(d.box))
        _match(free, sure, now_s, _LIKENESS_GROWN, lambda track, d: _grown_likeness(track, d, now_s))
        for track in free:
            expected = track.expected(now_s)
            # Who should have left the picture by now has.
            if track.overlooked < _OVERLOOKED_MAX and _in_view(expected) and overlooks(expected):
                track.overlook(now_s)
            else:
                track.misses += 1
        for detection in sure:
            self._begin(detection, now_s)
        self._drop(now_s)
        return self._tracks

    def hold(self, now_s: float) -> Sequence[Track]:
        """Takes into account that no look was needed: nothing moves, so what was there is there still."""
        for track in self._tracks:
            if not track.misses:
                track.last_seen_s = now_s
                track.stand()
        self._drop(now_s)
        return self._tracks

    def _begin(self, detection: Detection, now_s: float) -> None:
        self._last_id += 1
        box = detection.box
        across, down = (
            Axis(place, _ERROR * size, _ACCELERATION * box.height, _VELOCITY * box.height)
            for place, size in ((box.centre.x, box.width), (box.centre.y, box.height))
        )
        track = Track(self._last_id, box, now_s, now_s, self._score_min, across, down)
        track.note(detection)
        self._tracks.append(track)

    def _drop(self, now_s: float) -> None:
        def stays(track: Track) -> bool:
            if not track.settled:
                return track.misses < _MISSES_TO_DROP
            return track.misses < _MISSES_TO_DROP or now_s - track.last_seen_s <= _LOST_S

        self._tracks = [track for track in self._tracks if stays(track)]


def _in_view(box: Box) -> bool:
    middle = box.centre
    return 0 <= middle.x <= 1 and 0 <= middle.y <= 1


def _grown_likeness(track: Track, detection: Detection, now_s: float) -> float:
    """Likeness of the grown boxes; none where size or label says that they are two objects."""
    box = track.expected(now_s)
    ratio = detection.box.area / box.area if box.area > 0 else float("inf")
    if not 1 / _SIZE_RATIO_MAX < ratio < _SIZE_RATIO_MAX or track.label not in family(detection.label):
        return 0.0
    return box.grown(_GROWN_SHARE).likeness(detection.box.grown(_GROWN_SHARE))


def _match(
    tracks: list[Track],
    detections: list[Detection],
    now_s: float,
    likeness_min: float,
    likeness: Callable[[Track, Detection], float],
) -> None:
    """Gives each track its best box, the best pair of all first; takes what was matched out of both lists."""
    pairs = sorted(
        (
            (value, t, d)
            for t, track in enumerate(tracks)
            for d, detection in enumerate(detections)
            if (value := likeness(track, detection)) >= likeness_min
        ),
        reverse=True,
    )
    used_tracks: set[int] = set()
    used_detections: set[int] = set()
    for _value, t, d in pairs:
        if t not in used_tracks and d not in used_detections:
            used_tracks.add(t)
            used_detections.add(d)
            tracks[t].see(detections[d], now_s)
    tracks[:] = [track for t, track in enumerate(tracks) if t not in used_tracks]
    detections[:] = [detection for d, detection in enumerate(detections) if d not in used_detections]
