"""Opens the outbox of a folder as the agent does, and says how long it took and what it cost."""

import sys
import time
from os import getpid
from pathlib import Path

from benchmarks.processes import rss_mb, tell
from haechi.edge.outbox.opening import open_store


def main() -> None:
    """Open, look at the first parcels that wait, tell."""
    before_mb = rss_mb(getpid())
    begun_s = time.perf_counter()
    opening = open_store(Path(sys.argv[1]), 2**40, lambda newest_us: newest_us + 1)
    held = opening.store.figures()
    seconds = time.perf_counter() - begun_s
    tell(
        {
            "seconds": seconds,
            "grown_mb": rss_mb(getpid(), peak=True) - before_mb,
            "parcels": held.parcels,
            "bytes": held.bytes,
        }
    )
    opening.store.close()


if __name__ == "__main__":
    main()
