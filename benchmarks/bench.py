"""Runs parts one after the other: each in a folder of its own, within its time, with a line of progress.

A part that fails is named and the others still run; its figures are missing, which the exit code of the command tells.
"""

import asyncio
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure

SCRATCH = Path("/var/tmp")  # noqa: S108 - on a disk everywhere, where /tmp is often memory; the folder in it is made safely
"""Durable writes must meet a real disk, or their figures mean nothing."""


@dataclass(frozen=True)
class Bench:
    """What a part is given."""

    folder: Path
    """Its own, empty."""
    quick: bool
    hours: float = 0.0
    """How long the store is to be away; 0: as quick or whole says."""

    def choose(self, quick: float, whole: float) -> float:
        """Return how long or how much, by what was asked for."""
        return quick if self.quick else whole

    def say(self, line: str) -> None:
        """Show how far it is."""
        sys.stderr.write(f"    {line}\n")
        sys.stderr.flush()


@dataclass(frozen=True)
class Part:
    """Something to measure."""

    name: str
    measure: Callable[[Bench], Awaitable[Sequence[Figure]]]
    limit_s: float
    """It is given up after this long."""


async def run(
    parts: Sequence[Part], *, quick: bool, scratch: Path, hours: float = 0.0
) -> tuple[list[Figure], list[str]]:
    """Measure; return the figures, and one line for every part that could not be measured."""
    figures: list[Figure] = []
    failed: list[str] = []
    for place, part in enumerate(parts, start=1):
        load = os.getloadavg()[0]
        sys.stderr.write(f"[{place}/{len(parts)}] {part.name} (load {load:.1f})\n")
        begun_s = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix="haechi-bench-", dir=scratch))
        try:
            async with asyncio.timeout(part.limit_s + hours * 3600):
                found = await part.measure(Bench(folder, quick, hours))
        except Exception as error:  # noqa: BLE001 - supervises the parts: one that fails must not cost the others
            traceback.print_exc()
            failed.append(f"{part.name}: {type(error).__name__}: {error}".partition("\n")[0])
        else:
            figures.extend(found)
            sys.stderr.write(f"    done in {time.monotonic() - begun_s:.0f} s\n")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return figures, failed
