"""One reading of a gauge as JSON. No I/O. The schema, with its reasons, is in README.md."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from haechi.sdk.errors import BadReading
from haechi.text import _

DISTANCE_MM_MAX = 100_000
_TIME_MS_MAX = 2**43

State = Literal["ok", "no_echo", "warming_up"]


class Reading(Struct, forbid_unknown_fields=True):
    """What one message says."""

    v: Literal[1]
    boot: Annotated[str, Meta(pattern="^[0-9a-f]{8}$")]
    """Drawn at every start of the gauge."""
    seq: Annotated[int, Meta(ge=1, lt=2**31)]
    """Rises by one with every reading since the start, sent or not."""
    state: State
    age_ms: Annotated[int, Meta(ge=0, lt=2**31)]
    """For how long the gauge has kept it."""
    distance_mm: Annotated[int, Meta(ge=0, le=DISTANCE_MM_MAX)] | None = None
    temperature_cc: Annotated[int, Meta(ge=-10_000, le=20_000)] | None = None
    """Hundredths of a degree Celsius."""
    time_ms: Annotated[int, Meta(gt=0, lt=_TIME_MS_MAX)] | None = None
    """When it was measured, ms since 1970-01-01 UTC; left out by a gauge that does not know the time."""


_DECODER = msgspec.json.Decoder(Reading)


def reading_of(body: bytes) -> Reading:
    """Return the reading in a message.

    Raises:
        BadReading: it is none, or says a distance without an echo.
    """
    try:
        reading = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadReading(_("no reading ({why})").format(why=error)) from None
    if (reading.distance_mm is None) != (reading.state == "no_echo"):
        raise BadReading(
            _("a reading that is {state} with distance {distance}").format(
                state=reading.state, distance=reading.distance_mm
            )
        )
    return reading
