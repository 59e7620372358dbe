"""One run from its plan to its audit: break, mend, wait until nothing is missing, compare."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fault.real.books import Audit, audit
from fault.real.city import RealCity, real_city
from fault.real.plan import Strike, draw

from support.simulation.truth import BrokenPromise

SETTLE_S_MAX = 180.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run that has kept the promise."""

    audit: Audit
    live_again_s: float
    """From the mending until the store had values that were read after it."""
    in_step_s: float
    """From the mending until nothing old waited in the outbox."""
    struck: Counter[str]

    def __str__(self) -> str:
        return f"{self.audit}; new values stored after {self.live_again_s:.1f} s, in step after {self.in_step_s:.1f} s"


async def run_seed(folder: Path, seed: int, length_s: float) -> Outcome:
    """Run the plan of a seed; an even one speaks TLS.

    Raises:
        BrokenPromise: its text begins with the command that runs it again.
    """
    try:
        async with real_city(folder, tls=seed % 2 == 0, freeze_s=3.0) as city:
            return await finish(city, draw(seed, length_s))
    except (AssertionError, TimeoutError) as error:
        raise BrokenPromise(f"{command(seed, length_s)}: {error or type(error).__name__}") from error


def command(seed: int, length_s: float) -> str:
    """Return what a person types to run it again."""
    return f"make torture-real MINUTES={length_s / 60:g} SEED={seed}"


async def finish(city: RealCity, plan: Sequence[Strike], *, counted: bool = True) -> Outcome:
    """Let a plan come true on a running city, then end it and audit it; see :func:`audit` for ``counted``."""
    await city.live_again(SETTLE_S_MAX)
    await city.suffer(plan)
    mended_s = time.monotonic()
    live_again_s = await city.live_again(SETTLE_S_MAX)
    await city.in_step(SETTLE_S_MAX)
    in_step_s = time.monotonic() - mended_s
    outbox = await city.empty_outbox(SETTLE_S_MAX)
    await city.end_cloud()
    log = city.gateway.log
    if "Traceback" in log:
        raise BrokenPromise(f"the gateway has stumbled: {log[log.index('Traceback') :][:2000]}")
    return Outcome(audit(city, outbox, counted=counted), live_again_s, in_step_s, city.diary.struck)
