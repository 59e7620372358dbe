"""Real processes broken at random for minutes: ``python -m fault.real.torture --minutes 5 --seed 1``.

``--scenario NAME`` runs one of the written ones instead (``all`` runs each). Prints the plan, the figures, and on a
failure the command that replays it; ends with 1 then. Files stay where the last line says when a run has failed.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from fault.real.disks import NeedsRoot
from fault.real.plan import draw
from fault.real.run import Outcome, command, run_seed
from fault.real.scenarios import SCENARIOS

from support.simulation.truth import BrokenPromise

Run = Callable[[Path], Coroutine[Any, Any, Outcome]]


def main() -> int:
    """Read the command line and run."""
    options = argparse.ArgumentParser(prog="make torture-real", description=__doc__)
    options.add_argument("--minutes", type=float, default=5.0, help="how long things are broken; default: %(default)s")
    options.add_argument("--seed", type=int, default=1, help="what is drawn; default: %(default)s")
    options.add_argument("--scenario", choices=[*SCENARIOS, "all"], help="a written one instead of a drawn one")
    options.add_argument("--scratch", type=Path, default=Path("/var/tmp"), help="folder on a real disk")
    chosen = options.parse_args()
    runs: dict[str, Run] = {}
    if chosen.scenario is None:
        length_s = 60 * chosen.minutes
        for strike in draw(chosen.seed, length_s):
            _say(f"  {strike}")
        runs[command(chosen.seed, length_s)] = partial(run_seed, seed=chosen.seed, length_s=length_s)
    else:
        names = list(SCENARIOS) if chosen.scenario == "all" else [chosen.scenario]
        runs = {f'make torture-real ARGS="--scenario {name}"': SCENARIOS[name] for name in names}
    return sum([_run(again, run, chosen.scratch) for again, run in runs.items()]) and 1


def _run(again: str, run: Run, scratch: Path) -> int:
    """Run one in a folder of its own; return 0, or 1 when it failed."""
    folder = Path(tempfile.mkdtemp(prefix="haechi-torture-", dir=scratch))
    begun_s, load = time.monotonic(), os.getloadavg()[0]
    try:
        outcome = asyncio.run(run(folder))
    except NeedsRoot as error:
        shutil.rmtree(folder)
        _say(f"not run {again}: {error}")
        return 0
    except (BrokenPromise, AssertionError, TimeoutError) as broken:
        _say(f"BROKEN  {again}\n        {broken or type(broken).__name__}\n        files: {folder}")
        return 1
    shutil.rmtree(folder)
    if outcome.struck:
        _say("struck: " + ", ".join(f"{name} {count}" for name, count in outcome.struck.most_common()))
    _say(f"kept    {again}  ({time.monotonic() - begun_s:.0f} s, load {load:.1f} before)\n        {outcome}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
