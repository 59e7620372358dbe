"""How far a command is, on standard error: one line rewritten on a terminal, a line per tenth elsewhere."""

from __future__ import annotations

import sys


class Progress:
    """Call it with a step and the share of it that is done, as often as you like; use it as a context."""

    def __init__(self) -> None:
        self._told = ""

    def __enter__(self) -> Progress:
        return self

    def __call__(self, step: str, share: float) -> None:
        """Shows `share` (0..1) of `step`, if it is news."""
        terminal = sys.stderr.isatty()
        percent = int(share * 100)
        line = f"{step} {percent if terminal else percent // 10 * 10:3d} %"
        if line != self._told:
            self._told = line
            sys.stderr.write(f"\r\x1b[K{line}" if terminal else f"{line}\n")
            sys.stderr.flush()

    def __exit__(self, *error: object) -> None:
        if self._told and sys.stderr.isatty():
            sys.stderr.write("\n")
