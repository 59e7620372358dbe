"""What a camera's process says of what it saw: counts, measures, and changes with the picture that shows them.

Promise: no picture goes out before everybody who may be in it was looked for; where they cannot be, the message goes
without one. A crossing counts for the period in which it was seen, and of a period without a look nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from haechi.edge.vision import evidence
from haechi.edge.vision.capture import Frame
from haechi.edge.vision.clipping import Seal
from haechi.edge.vision.clips import People
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.counting import CrossingCounter, Period
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.looking import Look
from haechi.edge.vision.messages import Counts, Measures, Message, Snapshot, ViewChange, ZoneChange
from haechi.edge.vision.tracker import Track
from haechi.edge.vision.view import FaultChange
from haechi.edge.vision.zones import Change

Send = Callable[[Message], None]


class Reports:
    """Makes messages of looks and sends them."""

    def __init__(
        self,
        config: CameraConfig,
        send: Send,
        people: People | None,
        *,
        seal: Seal | None,
        clock_us: Callable[[], int],
    ) -> None:
        """Begins with nothing counted.

        Args:
            config: the camera's.
            send: takes what there is to say.
            people: finds everybody in a picture that is to be shown; without it none is.
            seal: seals originals, where the policy keeps them.
            clock_us: wall clock.
        """
        self._config = config
        self._send = send
        self._people = people
        self._searched: Frame | None = None
        self._found: list[Box] = []
        """Everybody in the picture that was searched last: several events may begin in one."""
        self._seal = seal
        self._clock_us = clock_us
        self._outlines = {area.name: area.outline for area in config.areas}
        hours = {line.name: line.hours(config.time_zone) for line in config.lines}
        self._counter = CrossingCounter(
            hours, period_s=config.count_period_s, in_force=lambda line, now_us: hours[line].in_force(now_us)
        )

    def look(self, look: Look, frame: Frame) -> None:
        """Tells what one look at `frame` found."""
        if look.watched:
            self._send_counts(self._counter.add(look.crossings, frame.time_us))
        else:
            self.look_away(frame.time_us)
        if look.measures:
            self._send(Measures(time_us=frame.time_us, values=tuple(look.measures)))
        for change in look.changes:
            self._send(self._zone_change(change, look, frame))
        for fault in look.faults:
            self.fault(fault, frame, frame.monotonic_s)

    def look_away(self, now_us: int) -> None:
        """Takes time without a look into account; tells the period that it ends."""
        self._send_counts(self._counter.look_away(now_us))

    def rest(self) -> None:
        """Tells the period that runs, when no more looks come."""
        self._send_counts(self._counter.rest())

    def fault(self, change: FaultChange, frame: Frame | None, now_s: float) -> None:
        """Tells a fault of the view, or its end, with the last picture if there is one."""
        shown = self._snapshot(frame, (), (), (), None) if change.raised and frame is not None else None
        self._send(
            ViewChange(
                fault=change.fault,
                raised=change.raised,
                time_us=self._clock_us(),
                lasted_s=now_s - change.since_s,
                snapshot=shown,
            )
        )

    def _zone_change(self, change: Change, look: Look, frame: Frame) -> ZoneChange:
        about = next((track for track in look.tracks if change.raised and track.box == change.box), None)
        shown = None
        if change.raised:
            shown = self._snapshot(frame, look.tracks, look.people, self._outlines[change.zone], change.box)
        return ZoneChange(
            zone=change.zone,
            raised=change.raised,
            time_us=frame.time_us,
            lasted_s=frame.monotonic_s - change.since_s,
            label=change.label,
            score=about.score if about else None,
            number=change.number,
            retracted=change.retracted,
            level_m=change.level_m,
            snapshot=shown,
        )

    def _snapshot(
        self, frame: Frame, tracks: Sequence[Track], known: Sequence[Box], polygon: Sequence[Point], about: Box | None
    ) -> Snapshot | None:
        if self._people is None:
            return None
        if self._searched is not frame:
            self._searched, self._found = frame, self._people(frame.picture.colours())
        limits = self._config.evidence
        drawn = evidence.draw(
            frame.picture.colours(),
            tracks,
            people=[*known, *self._found],
            polygon=polygon,
            about=about,
            quality=limits.jpeg_quality,
            bytes_max=limits.bytes_max,
        )
        sealed = None
        if self._seal is not None:
            sealed = self._seal(evidence.original(frame.picture.colours()), frame.time_us, "image/jpeg")
        return Snapshot(width_px=drawn.width_px, height_px=drawn.height_px, jpeg=drawn.jpeg, sealed=sealed)

    def _send_counts(self, period: Period | None) -> None:
        if period is not None and period.lines:
            self._send(Counts(time_us=period.end_us, lines=period.lines))
