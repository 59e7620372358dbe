"""Opens the damaged outbox of a folder as the agent does and brings home what it still holds; says what that cost."""

import asyncio
import sys
import time
from os import getpid
from pathlib import Path

from benchmarks.processes import rss_mb, tell
from haechi.edge.outbox.queue import Outbox
from haechi.edge.outbox.salvage import Salvage


async def _main() -> None:
    before_mb = rss_mb(getpid())
    folder, begun_s = Path(sys.argv[1]), time.perf_counter()
    outbox = await Outbox.open(folder, 2**40, lambda newest_us: max(newest_us, time.time_ns() // 1000))
    opened_s = time.perf_counter() - begun_s
    assert outbox.opened.set_aside
    salvage = Salvage(outbox, folder, lambda: time.time_ns() // 1000, lambda: None)
    await salvage.run()
    tell(
        {
            "opened_s": opened_s,
            "seconds": time.perf_counter() - begun_s,
            "grown_mb": rss_mb(getpid(), peak=True) - before_mb,
            "parcels": salvage.parcels_saved,
        }
    )
    await outbox.close()


if __name__ == "__main__":
    asyncio.run(_main())
