"""What may be wrong with a camera's view: the names alone, for the gateway's side of a camera loads no OpenCV."""

from __future__ import annotations

from typing import Literal, get_args

Fault = Literal["black", "blinded", "covered", "moved", "frozen", "no_picture"]
"""Black; most of it white; covered or out of focus; turned away; the camera repeats itself; nothing comes."""

NO_PICTURE_S = 30.0
"""A camera without pictures for so long is told; one that sends single pictures, twice their distance later."""

FAULTS: tuple[Fault, ...] = get_args(Fault)
TAMPERING: frozenset[Fault] = frozenset({"covered", "moved"})
"""Those that somebody's hand may have done."""


def blind_after_s(picture_every_s: float | None) -> float:
    """After how long without a picture a camera is blind; one that gives single pictures may be late by as much again.

    Args:
        picture_every_s: how far single pictures are apart; None for video.
    """
    return NO_PICTURE_S + 2 * (picture_every_s or 0.0)
