"""Any number of schedules of the simulation, on every core: ``python -m fault.torture --schedules 15000 --seed 1``.

Prints every seed that fails with the command that replays it, and ends with 1 when there was one.
"""

import argparse
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from support.simulation import faults, schedule
from support.simulation.truth import BrokenPromise

_AT_ONCE = 10
_BATCHES_A_PROCESS = 20
"""What SQLAlchemy and asyncio keep of each schedule goes with the process."""
_TELL_EVERY_S = 5.0


class Verdict(NamedTuple):
    """What became of one seed."""

    seed: int
    struck: Counter[str]
    broken: str
    """Empty when everything was as promised."""


def judge(seed: int, only: Sequence[str] = ()) -> Verdict:
    """Run one schedule; never raises for what the software does."""
    try:
        return Verdict(seed, schedule.run(seed, only), "")
    except BrokenPromise as broken:
        return Verdict(seed, Counter(), str(broken))
    except Exception as error:  # noqa: BLE001 - a crash of the software is a finding as well, and has a seed
        return Verdict(seed, Counter(), f"seed {seed}: {type(error).__name__}: {error}")


def judge_all(seeds: Sequence[int], only: Sequence[str] = (), workers: int | None = None) -> Iterator[Verdict]:
    """Run many schedules, one process a core; yields verdicts as they come."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers or os.cpu_count(), _be_quiet, maxtasksperchild=_BATCHES_A_PROCESS) as pool:
        yield from pool.imap_unordered(partial(judge, only=tuple(only)), seeds, _AT_ONCE)


def _be_quiet() -> None:
    logging.disable(logging.CRITICAL)


def main() -> int:
    """Read the command line and run."""
    options = argparse.ArgumentParser(prog="python -m fault.torture", description=__doc__)
    options.add_argument("--schedules", type=int, default=1_000, help="how many")
    options.add_argument("--seed", type=int, default=1, help="the first one; the others follow")
    options.add_argument(
        "--only",
        action="append",
        default=[],
        choices=sorted(faults.MIX),
        help="only this fault and no other; may be given several times",
    )
    options.add_argument("--workers", type=int, default=None, help="processes; one a core by default")
    chosen = options.parse_args()
    begun_s = told_s = time.monotonic()
    struck: Counter[str] = Counter()
    broken = done = 0
    for verdict in judge_all(range(chosen.seed, chosen.seed + chosen.schedules), chosen.only, chosen.workers):
        done += 1
        struck += verdict.struck
        if verdict.broken:
            broken += 1
            _say(verdict.broken)
        if time.monotonic() - told_s > _TELL_EVERY_S:
            told_s = time.monotonic()
            _say(f"{done} of {chosen.schedules} schedules, {broken} broken promises, {done / (told_s - begun_s):.0f}/s")
    _say("faults: " + ", ".join(f"{name} {count}" for name, count in struck.most_common()))
    _say(f"{done} schedules in {time.monotonic() - begun_s:.0f} s, {broken} broken promises")
    return 1 if broken else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
