"""What may be wrong with a camera's view: the names alone, for the gateway's side of a camera loads no OpenCV."""

from __future__ import annotations

from typing import Literal, get_args

Fault = Literal["black", "blinded", "covered", "moved", "frozen", "no_picture"]
"""Black; most of it white; covered or out of focus; turned away; the camera repeats itself; nothing comes."""

FAULTS: tuple[Fault, ...] = get_args(Fault)
TAMPERING: frozenset[Fault] = frozenset({"covered", "moved"})
"""Those that somebody's hand may have done."""
