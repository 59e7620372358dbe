"""One camera's pictures in, what happened out: gate, detector, tracker and scene in their order.

Promise: a picture costs a detector's run only when something moves and for a short while after, when the last look left
a doubt (an object that counts was missed, one is too new to count, or of what was raised nothing is seen), when the
light changed, or when nothing was looked at for ``still_look_s``, or for ``occupied_look_s`` while an object that
counts is there. A look sees the whole picture and, enlarged, the parts where small things moved lately or are known to
be (:mod:`.regions`). While the view is faulty (:mod:`.view`) nothing is looked for; what was raised stands. While it
may be, zones and water wait and crossings are held back: they are told when the view proves well, and never when it
proves lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision import regions
from haechi.edge.vision.config import NOTHING, WITHOUT_MODEL, CameraConfig
from haechi.edge.vision.detection import Detection, without_doubles
from haechi.edge.vision.detector import Detector
from haechi.edge.vision.faults import Fault
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.known_view import Known
from haechi.edge.vision.measures import Measure
from haechi.edge.vision.motion import MotionGate
from haechi.edge.vision.picture import Picture
from haechi.edge.vision.recognising import Recognising
from haechi.edge.vision.scene import Crossing, Scene
from haechi.edge.vision.tracker import SCORE_MIN_UNSURE, Track, Tracker
from haechi.edge.vision.view import FaultChange, View
from haechi.edge.vision.water.watch import WaterWatch
from haechi.edge.vision.zones import Change

_LINGER_S = 1.0  # after the last movement: whoever walked out of the picture is missed only by looking
_ENDING_S = 1.0  # a condition is not to end because one look found nobody
_RELIT_S = 2.0  # a thunderstorm is not worth a look a flash


class Look(NamedTuple):
    """What one picture brought."""

    analysed: bool
    """False when the gate kept the detector from running."""
    tracks: Sequence[Track]
    crossings: list[Crossing]
    changes: list[Change]
    people: list[Box]
    """What must not be recognised in a picture: every box that may be a person, however unsure, and where persons were
    at the look before, for somebody who passes behind somebody else is not gone."""
    faults: Sequence[FaultChange] = ()
    """What is wrong with the view from now on, or no more."""
    measures: Sequence[Measure] = ()
    """What was measured beside the crossings, now and then."""
    watched: bool = True
    """False when the view is lost, or may be: that nothing was seen says nothing."""
    found: Sequence[Detection] = ()
    """All that the detector said, for the tracker; one object may have several boxes."""
    sight: regions.Sight = regions.Sight()
    """The same as it said it."""


class Looker:
    """Looks at the pictures of one camera in their order."""

    def __init__(
        self,
        config: CameraConfig,
        detector: Detector,
        *,
        active: frozenset[str] = frozenset(),
        faults: frozenset[Fault] = frozenset(),
        known: Known | None = None,
    ) -> None:
        """Begins with an empty scene.

        Args:
            config: the camera's.
            detector: what finds objects.
            active: zones whose condition was raised before and not cleared.
            faults: what was wrong with the view before and is not known to be over.
            known: what the view should be, where that is known from before.
        """
        self._view = View(active=faults, known=None if known is None else known.view)
        self._detector = detector
        # What learns a background has to see every picture, and costs no more than the gate.
        self._recognises = config.detector.model not in WITHOUT_MODEL
        self._gate = MotionGate() if self._recognises else None
        self._gated = config.motion.enabled and self._recognises
        self._moved: list[Box] = []
        self.recognising = Recognising()
        """How much of what moves the detector knows."""
        self.parts_max = config.detector.parts_max
        """How many parts a look may see beside the whole picture; may be changed."""
        self._parts_seen = 0
        self._score_min = config.detector.score_min
        self._tracker = Tracker(score_min=self._score_min)
        self._scene = Scene(
            config.lines,
            config.zones,
            active=active,
            ground=None if config.ground is None else config.ground.plane(),
            time_zone=config.time_zone,
            period_s=config.count_period_s,
        )
        self._water = WaterWatch(config, active=active, known=None if known is None else known.surfaces)
        self._looks_for_something = config.detector.model != NOTHING
        self._still_look_s = config.motion.still_look_s
        self._occupied_look_s = min(config.motion.occupied_look_s, config.motion.still_look_s)
        self._people: list[Box] = []
        self._people_before: list[Box] = []
        self._held: list[Crossing] = []
        """Crossings of a view that may be another one; as many as cross in the seconds that doubt lasts."""
        self._looked_s = float("-inf")
        self._moved_s = float("-inf")
        self._relit = False

    def look(self, picture: Picture, now_s: float, now_us: int | None = None) -> Look:
        """Takes one picture into account; blocks while the detector runs.

        Args:
            picture: what the camera sees.
            now_s: when it was taken, of a clock that only rises.
            now_us: the same by the wall clock; without it every schedule is in force.
        """
        grey = picture.grey()
        faults = self._view.judge(grey, now_s)
        if self._view.faulty or faults:
            self._look_away()
            away = self._water.look_away(now_s, now_us)
            return Look(False, (), [], [], self._people, faults, measures=away, watched=False)
        analysed = self._looks_for_something and self._worth_it(grey, now_s)
        found: list[Detection] = []
        sight = regions.Sight()
        if analysed:
            self._looked_s, self._relit = now_s, False
            sight, found, tracks = self._see(picture.colours(), now_s)
            persons = [detection for detection in found if detection.label == "person"]
            self._people = [person.box for person in persons] + self._people_before
            self._people_before = [person.box for person in persons if person.score >= SCORE_MIN_UNSURE]
        else:
            tracks = self._tracker.hold(now_s)
        watched = not self._view.doubtful
        crossings, changes = self._scene.update(tracks, now_s, now_us, lines_only=not watched)
        people = self._people + [track.box for track in tracks if "person" in track.votes]
        crossings, self._held = self._held + crossings, []
        if not watched:
            self._held, crossings = crossings, []
            measures = self._water.look_away(now_s, now_us)
        else:
            water = self._water.look(picture, grey, [track.box for track in tracks], now_s, now_us)
            measures, changes = self._scene.measures(now_s) + water.measures, changes + water.changes
        return Look(
            analysed,
            tracks,
            crossings,
            changes,
            people,
            measures=measures,
            watched=watched,
            found=found,
            sight=sight,
        )

    def _see(self, colours: NDArray[np.uint8], now_s: float) -> tuple[regions.Sight, list[Detection], Sequence[Track]]:
        """Runs the detector: what the whole picture and parts of it show, all of that, and who it is."""
        in_whole = self._detector.look(colours)
        input_px = self._detector.input_px
        if input_px is None:
            return regions.Sight(in_whole), in_whole, self._tracker.look(without_doubles(in_whole), now_s)
        scale = regions.Scale((colours.shape[0], colours.shape[1]), input_px)
        things = [track.expected(now_s) for track in self._tracker.tracks] + self._moved
        parts = scale.parts(things, self.parts_max, self._parts_seen)
        self._parts_seen += len(parts)
        seen = [(part, self._detector.look(colours[part.rows, part.columns])) for part in parts]
        sight = regions.Sight(in_whole, seen, scale)
        found = sight.joined()
        self.recognising.note(self._moved, [thing.box for thing in found if thing.score >= self._score_min])
        self._moved = []
        overlooks = partial(scale.overlooked, parts=parts)
        return sight, found, self._tracker.look(without_doubles(found), now_s, overlooks)

    @property
    def known(self) -> Known | None:
        """What the view should be, once it is learned; None before, or while it is faulty."""
        view = self._view.known
        return None if view is None else Known(view, self._water.known)

    def forget(self) -> None:
        """Begins anew after a time without pictures: who is there now is nobody from before."""
        self._view.forget()
        self._look_away()
        self._water.forget()

    def _look_away(self) -> None:
        """What is seen now proves nothing of what was there, nor does what comes next."""
        if self._gate is not None:
            self._gate = MotionGate()
        self._moved, self._held = [], []
        self._people_before = []
        self._tracker = Tracker(score_min=self._score_min)
        self._scene.forget()

    def _worth_it(self, grey: NDArray[np.uint8], now_s: float) -> bool:
        if self._gate is None:
            return True
        motion = self._gate.watch(grey)
        if motion.regions:
            self._moved_s, self._moved = now_s, list(motion.regions)
        if not self._gated:
            return True
        self._relit |= motion.relit
        # Light that changed is worth one look; what that finds is looked at until it counts or is gone.
        return (
            (self._relit and now_s - self._looked_s >= _RELIT_S)
            or self._tracker.doubtful
            or (self._scene.ending and now_s - self._looked_s >= _ENDING_S)
            or now_s - self._moved_s <= _LINGER_S
            or now_s - self._looked_s >= (self._occupied_look_s if self._tracker.occupied else self._still_look_s)
        )
