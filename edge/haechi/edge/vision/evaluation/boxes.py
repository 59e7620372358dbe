"""Arithmetic of boxes against truth: average precision, precision, recall and identity switches. Pure.

A box is right when it shares at least half of the joint area with a person's (intersection over union ≥ 0.5).

* **AP50** of raw detections: surest first, each takes the free person it shares most with; then the area under
  precision over recall, where precision at a recall is the best at that recall or a higher one, summed at **every**
  point (as PASCAL VOC does since 2010; COCO's 101 sampled points differ in the third digit).
* **Precision, recall, identity switches** of tracks after CLEAR MOT (Bernardin and Stiefelhagen, 2008): a person stays
  with the track it had while they still match, the others are matched best pair first; a person whose new track is
  another than the last one it had is a switch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from haechi.edge.vision.geometry import Box

LIKENESS_MIN = 0.5


class AveragePrecision:
    """Gathers scored boxes of many pictures."""

    def __init__(self) -> None:
        self._people = 0
        self._scored: list[tuple[float, bool]] = []

    def add(self, found: Iterable[tuple[Box, float]], people: Sequence[Box], neither: Sequence[Box] = ()) -> None:
        """Takes one picture into account.

        Args:
            found: boxes with their scores.
            people: who is there.
            neither: what may be found or not.
        """
        self._people += len(people)
        free = list(people)
        for box, score in sorted(found, key=lambda pair: -pair[1]):
            best = max(free, key=box.likeness, default=None)
            if best is not None and box.likeness(best) >= LIKENESS_MIN:
                free.remove(best)
                self._scored.append((score, True))
            elif not _any_like(box, neither):
                self._scored.append((score, False))

    def value(self) -> float | None:
        """The area, 0..1; None when there was nobody."""
        if not self._people:
            return None
        points: list[tuple[int, float]] = []  # right so far, precision
        right = 0
        ordered = sorted(self._scored, key=lambda pair: -pair[0])
        for number, (score, is_right) in enumerate(ordered, 1):
            right += is_right
            # Boxes of one score have no order among themselves: they are one point.
            if number == len(ordered) or ordered[number][0] != score:
                points.append((right, right / number))
        area, best, above = 0.0, 0.0, right
        for right_here, precision in reversed(points):
            area += (above - right_here) * best
            above, best = right_here, max(best, precision)
        return (area + above * best) / self._people


class Tracking:
    """Follows who was followed by which track."""

    def __init__(self) -> None:
        self.people = 0
        self.found = 0
        self.false = 0
        self.id_switches = 0
        self._last: dict[int, int] = {}

    def add(self, tracks: Mapping[int, Box], people: Mapping[int, Box], neither: Sequence[Box] = ()) -> None:
        """Takes one look into account; maps of identity to box."""
        matched = {
            person: track
            for person, track in self._last.items()
            if person in people and track in tracks and people[person].likeness(tracks[track]) >= LIKENESS_MIN
        }
        pairs = sorted(
            (
                (-likeness, person, track)
                for person, there in people.items()
                for track, box in tracks.items()
                if (likeness := there.likeness(box)) >= LIKENESS_MIN
            ),
        )
        taken = set(matched.values())
        for _likeness, person, track in pairs:
            if person not in matched and track not in taken:
                matched[person] = track
                taken.add(track)
        self.id_switches += sum(self._last.get(person, track) != track for person, track in matched.items())
        self._last |= matched
        self.people += len(people)
        self.found += len(matched)
        self.false += sum(not _any_like(box, neither) for track, box in tracks.items() if track not in taken)

    @property
    def precision(self) -> float | None:
        """Share of the tracks' boxes that are right; None without any."""
        return self.found / (self.found + self.false) if self.found + self.false else None

    @property
    def recall(self) -> float | None:
        """Share of the people that a track was on; None when there was nobody."""
        return self.found / self.people if self.people else None


def _any_like(box: Box, others: Iterable[Box]) -> bool:
    return any(box.likeness(other) >= LIKENESS_MIN for other in others)
