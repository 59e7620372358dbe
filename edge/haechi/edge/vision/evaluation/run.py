"""Replays a clip through a camera's own way of looking and compares what it says with the truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision import closely, evidence
from haechi.edge.vision.config import CameraConfig, LineConfig, ZoneConfig
from haechi.edge.vision.detection import Detection
from haechi.edge.vision.detector import Detector
from haechi.edge.vision.evaluation import alarms
from haechi.edge.vision.evaluation.boxes import AveragePrecision, Tracking
from haechi.edge.vision.evaluation.heads import Heads
from haechi.edge.vision.evaluation.replay import Replay, Shot
from haechi.edge.vision.evaluation.truth import LineTruth, QuietTruth, Times, Truth, TruthBox, TruthError
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.labels import LABELS
from haechi.edge.vision.looking import Look, Looker
from haechi.edge.vision.scene import Direction
from haechi.text import _

RAW_SCORE_MIN = 0.05
"""Raw detections are judged down to this score; tracks use fewer."""

_NEARLY_ALL = 0.98  # of the frames that a file counts; an edited one leaves out some
_SECONDS_AN_HOUR = 3600.0


def scene(clip: str, truth: Truth, camera: CameraConfig | None) -> tuple[CameraConfig, dict[str, str]]:
    """The camera to run on a clip, and the name of each true line in its scene.

    With a camera of a configuration its own scene is judged. Without one the lines of the truth are the scene, and, so
    that a quiet clip asks for something, the whole picture is a zone that no person may stand in.

    Raises:
        TruthError: a line of the truth is not in the camera's scene, or has no place in the picture.
    """
    if camera is not None:
        known = {line.name for line in camera.lines}
        for line in truth.lines:
            if line.name not in known:
                raise TruthError(
                    _("line {name}: camera {camera} has no such line; it has: {known}").format(
                        name=line.name, camera=camera.id, known=", ".join(sorted(known)) or "–"
                    )
                )
        return camera.model_copy(update={"url": clip, "loop": False}), {line.name: line.name for line in truth.lines}
    names, lines = {}, []
    for number, line in enumerate(truth.lines, 1):
        if line.a is None or line.b is None:
            raise TruthError(_("line {name}: a and b are missing").format(name=line.name))
        names[line.name] = f"line-{number}"
        try:
            lines.append(LineConfig(name=names[line.name], a=line.a, b=line.b, classes=line.classes))
        except ValueError:
            raise TruthError(_("line {name}: a and b are the same point").format(name=line.name)) from None
    everywhere = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    zones = [ZoneConfig(name="picture", kind="intrusion", polygon=everywhere)] if truth.quiet else []
    classes = tuple(dict.fromkeys(label for labels in (LABELS, *(line.classes for line in lines)) for label in labels))
    made = CameraConfig(
        id="evaluation", place="clip", url=clip, classes=classes, lines=tuple(lines), zones=tuple(zones)
    )
    return made, names


class _Witness:
    """A detector whose cost is measured."""

    def __init__(self, detector: Detector) -> None:
        self.unmeasured = self._detector = detector
        self.cpu_s = 0.0

    @property
    def input_px(self) -> tuple[int, int] | None:
        return self._detector.input_px

    def look(self, picture: NDArray[np.uint8]) -> list[Detection]:
        begun_s = time.process_time()
        found = self._detector.look(picture)
        self.cpu_s += time.process_time() - begun_s
        return found


class Evaluation:
    """One clip, one truth, one way of looking. :meth:`run` it once, then ask for the :meth:`report`."""

    def __init__(self, config: CameraConfig, truth: Truth, names: Mapping[str, str], detector: Detector) -> None:
        """Prepares; see :func:`scene` for the camera and the names."""
        self._config = config
        self._truth = truth
        self._names = names
        self._detector = _Witness(detector)
        self._crossings: dict[tuple[str, Direction], list[float]] = {}
        self._events: list[tuple[str, float]] = []
        self._raw = AveragePrecision()
        self._raw_whole = AveragePrecision()
        self._tracking = Tracking()
        self._heads = Heads()
        self._analysed = 0
        self._looks = 0
        self._looking_cpu_s = 0.0
        self._elapsed_s = 0.0

    def run(self, progress: Callable[[float], None]) -> None:
        """Replays the clip; `progress` gets the share that is done.

        Raises:
            CannotOpen: there is no video to replay.
        """
        self._replay = replay = Replay(self._config)
        looker = Looker(self._config, self._detector)
        self._people = closely.finder(self._config, self._detector.unmeasured)
        self.recognising = looker.recognising
        """How much of what moves the detector knows."""
        begun_s = time.perf_counter()
        for shot in replay.shots():
            cpu_s = time.process_time()
            look = looker.look(shot.picture, shot.time_s)
            self._looking_cpu_s += time.process_time() - cpu_s
            aside_s = time.perf_counter()
            self._note(shot, look)
            begun_s += time.perf_counter() - aside_s  # comparing with the truth is no camera's work
            if replay.frames_expected:
                progress(min(1.0, shot.number / replay.frames_expected))
        self._elapsed_s = time.perf_counter() - begun_s

    def _note(self, shot: Shot, look: Look) -> None:
        self._looks += 1
        self._analysed += look.analysed
        for crossing in look.crossings:
            self._crossings.setdefault((crossing.line, crossing.direction), []).append(shot.time_s)
        self._events += [(change.zone, shot.time_s) for change in look.changes if change.raised]
        self._events += [(f"view.{change.fault}", shot.time_s) for change in look.faults if change.raised]
        if self._truth.frames is not None:
            self._compare(shot, look, self._truth.frames.get(shot.number, []))

    def _compare(self, shot: Shot, look: Look, truth: list[TruthBox]) -> None:
        height_px, width_px = shot.picture.colours().shape[:2]
        inside = {known: _in_picture(known.box_px, width_px, height_px) for known in truth}
        people = {known.id: box for known, box in inside.items() if known.asked and box.area > 0}
        neither = [box for known, box in inside.items() if not known.asked and box.area > 0]
        if look.analysed:
            for precision, found in ((self._raw, look.sight.ranked()), (self._raw_whole, look.sight.whole)):
                scored = [(d.box, d.score) for d in found if d.label == "person"]
                precision.add(scored, list(people.values()), neither)
        tracks = {t.id: t.box for t in look.tracks if t.settled and not t.misses and t.label == "person"}
        self._tracking.add(tracks, people, neither)
        # The raw detections go further down than a camera's do.
        beyond = {found.box for found in look.found if found.score < evidence.PERSON_SCORE_MIN}
        blurred = [Box(*evidence.head_px(box, width_px, height_px)) for box in look.people if box not in beyond]
        asked = [known.box_px for known in truth if known.asked]
        if asked and self._people is not None:
            closely_seen = self._people(shot.picture.colours())
            blurred += [Box(*evidence.head_px(box, width_px, height_px)) for box in closely_seen]
        self._heads.add(asked, blurred, width_px=width_px, height_px=height_px)

    def report(self) -> dict[str, Any]:
        """What JSON is made of; keys as the manual has them."""
        replay = self._replay
        cpu_s = replay.decoding_cpu_s + self._looking_cpu_s
        return {
            "lines": [self._line(line) for line in self._truth.lines],
            "lines_counted_by": self._config.detector.model,
            "boxes": self._boxes(),
            "heads": self._covered(),
            "quiet": [self._quiet(stretch) for stretch in self._truth.quiet],
            "events": [{"zone": zone, "time_s": round(time_s, 2)} for zone, time_s in self._events],
            "cost": {
                "ms_per_frame": round(1000 * self._elapsed_s / replay.frames, 3),
                "cpu_s": round(cpu_s, 3),
                "frames": replay.frames,
                "frames_looked_at": self._looks,
                "frames_analysed": self._analysed,
                "decoding_cpu_s": round(replay.decoding_cpu_s, 3),
                "detector_cpu_s": round(self._detector.cpu_s, 3),
                "gate_and_tracking_cpu_s": round(self._looking_cpu_s - self._detector.cpu_s, 3),
            },
        }

    def frames_without_picture(self) -> int:
        """How many frames the truth names beyond the end of the clip: then they do not belong together."""
        return sum(frame > self._replay.frames for frame in self._truth.frames or {})

    def frames_missing(self) -> int:
        """How many frames the clip says it has that could not be read: then it is cut short or damaged."""
        replay = self._replay
        enough = self._config.keyframes_only or replay.frames >= _NEARLY_ALL * replay.frames_expected
        return 0 if enough else replay.frames_expected - replay.frames

    def _line(self, line: LineTruth) -> dict[str, Any]:
        forward = self._crossings.get((self._names[line.name], "forward"), [])
        backward = self._crossings.get((self._names[line.name], "backward"), [])
        told: dict[str, Any] = {
            "name": line.name,
            "forward": {"truth": line.forward, "counted": len(forward)},
            "backward": {"truth": line.backward, "counted": len(backward)},
        }
        if isinstance(line.times, Times):
            told["forward"]["at_their_time"] = alarms.matched(line.times.forward, forward)
            told["backward"]["at_their_time"] = alarms.matched(line.times.backward, backward)
        elif line.times is not None:
            told["at_their_time"] = alarms.matched(line.times, forward + backward)
        return told

    def _boxes(self) -> dict[str, Any] | None:
        if self._truth.frames is None:
            return None
        return {
            "ap50": _rounded(self._raw.value()),
            "ap50_bare": _rounded(self._raw_whole.value()),
            "precision": _rounded(self._tracking.precision),
            "recall": _rounded(self._tracking.recall),
            "id_switches": self._tracking.id_switches,
        }

    def _covered(self) -> dict[str, int] | None:
        if self._truth.frames is None:
            return None
        return {"persons": self._heads.persons, "covered": self._heads.covered}

    def _quiet(self, stretch: QuietTruth) -> dict[str, Any]:
        length_s = self._replay.length_s
        to_s = length_s if stretch.to_s is None else min(stretch.to_s, length_s)
        events = sum(stretch.from_s <= time_s <= to_s for _zone, time_s in self._events)
        hours = max(0.0, to_s - stretch.from_s) / _SECONDS_AN_HOUR
        return {
            "name": stretch.name,
            "events": events,
            "hours": round(hours, 5),
            "per_hour_upper_95": _rounded(alarms.upper_bound_per_hour(events, hours)),
        }


def _in_picture(box_px: Box, width_px: int, height_px: int) -> Box:
    """Fractions of the picture, cut at its edges: nobody can see what lies beyond."""

    def cut(value: float) -> float:
        return min(max(value, 0.0), 1.0)

    return Box(
        cut(box_px.left / width_px),
        cut(box_px.top / height_px),
        cut(box_px.right / width_px),
        cut(box_px.bottom / height_px),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
