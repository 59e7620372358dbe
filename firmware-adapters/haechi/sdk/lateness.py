"""Whether a record with a time of its own is of now, or of the past and no reason for an alarm of today. Pure.

A broker keeps what came while nobody listened, a device what it could not send. Delivered hours later, this morning's
flood must not raise an alarm, nor this morning's calm clear one. Its age tells, where both clocks are believed.

An age that stays as it is tells something else: what was kept is delivered faster than it came to be, so its age falls
from record to record. Records that are late by the same for a minute are of now, and bear a clock that is wrong; they
are not of the past, for a flood is worse missed than mistimed.
"""

from dataclasses import dataclass

from haechi.contract.kept import ByNames

PAST_US = 300_000_000
"""As far as a device's transmission, a network server and a second try may take; older than that is the past."""
_SAME_US = 60_000_000
_SAME_FOR_S = 60.0


@dataclass(slots=True)
class _Late:
    age_us: int
    since_s: float


class Lateness:
    """What is known of how late records come; bounded memory."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._late: ByNames[_Late] = ByNames()

    def is_past(self, names: tuple[str, ...], age_us: int, now_s: float) -> bool:
        """Tell whether a record is of the past.

        Args:
            names: whose it is, such as its datastreams.
            age_us: by how much its time lies behind now.
            now_s: when it came (monotonic).
        """
        late = self._late.get(names)
        if late is None:
            if age_us <= PAST_US:
                return False
            late = self._late.keep(names, _Late(age_us, now_s))
        if abs(age_us - late.age_us) > _SAME_US:
            late.age_us, late.since_s = age_us, now_s
        return age_us > PAST_US and now_s - late.since_s < _SAME_FOR_S
