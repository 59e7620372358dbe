"""How much of a serial line's time its devices need, known before anything is opened. No I/O.

A line that is busy all the time has no room for a repeated request, a slow device or one more sensor: beyond seventy
per cent a schedule is refused, with what would fit in its place. So are devices of one line that want it otherwise.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from haechi.sdk.transports.serial_line import LineSettings
from haechi.text import _

SHARE_MAX = 0.7
_BAUDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)


@dataclass(frozen=True)
class WireLoad:
    """What one device needs of its line, every second. Without the time that it takes to think."""

    settings: LineSettings
    characters_per_s: float
    """Characters in both directions."""
    gaps_per_s: float = 0.0
    """Silences between frames."""
    gap_characters: float = 0.0
    """How long one is, in characters, and"""
    gap_s_min: float = 0.0
    """at least, in seconds."""
    held_s_per_s: float = 0.0
    """For how long it holds the line beyond that, whatever the line's speed: while it measures, say."""

    def share(self, baud: int | None = None) -> float:
        """Return which share of the line's time that is, at its own speed or at ``baud``."""
        settings = self.settings if baud is None else self.settings._replace(baud=baud)
        gap_s = max(self.gap_s_min, self.gap_characters * settings.character_s)
        return self.characters_per_s * settings.character_s + self.gaps_per_s * gap_s + self.held_s_per_s


def overload(loads: Iterable[tuple[str, WireLoad]], share_max: float = SHARE_MAX) -> str:
    """Return one line about the first serial line that is asked for too much, or in two ways; empty where all fits.

    Args:
        loads: device and what it needs; devices whose ports are the same share a line.
        share_max: the largest share of a line's time that may be needed.
    """
    for line in _lines(loads):
        formats: dict[object, str] = {}
        for device, load in line:
            formats.setdefault(load.settings[1:], f"{device} {load.settings}")
        if len(formats) > 1:
            what = _("{wanted}: the devices of one line need one speed and character format")
            return what.format(wanted=", ".join(formats.values()))
        needed = sum(load.share() for _device, load in line)
        if needed > share_max:
            return _told(line, needed, share_max)
    return ""


def _lines(loads: Iterable[tuple[str, WireLoad]]) -> Iterable[list[tuple[str, WireLoad]]]:
    lines: dict[str, list[tuple[str, WireLoad]]] = {}
    for device, load in loads:
        lines.setdefault(os.path.realpath(load.settings.port), []).append((device, load))
    return lines.values()


def _told(line: list[tuple[str, WireLoad]], needed: float, share_max: float) -> str:
    line = sorted(line, key=lambda it: -it[1].share())
    settings = line[0][1].settings
    said = _("{line}: its devices need {needed:.0%} of the line's time, at most {most:.0%} may be needed").format(
        line=settings, needed=needed, most=share_max
    )
    shown = ", ".join(f"{device} {load.share():.0%}" for device, load in line[:3])
    shown += ", …" if len(line) > 3 else ""
    fits = _("every period_s {factor:.1f} times as long").format(factor=_rounded_up(needed / share_max))
    for baud in _BAUDS:
        if baud > settings.baud and sum(load.share(baud) for _device, load in line) <= share_max:
            fits = _("{fits}, or baud = {baud}").format(fits=fits, baud=baud)
            break
    return _("{said} ({shown}); what would fit: {fits}").format(said=said, shown=shown, fits=fits)


def _rounded_up(factor: float) -> float:
    """Return ``factor`` in tenths, never too little."""
    return -(-factor * 10 // 1) / 10
