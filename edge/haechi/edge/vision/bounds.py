"""How much memory a camera's process may take, whatever its camera sends.

Promise: a stream that wants more (a picture of a gigapixel, a part of a multipart answer that never ends) fails in its
own process, which then reads on or ends and is started again; and where the machine runs out of memory nevertheless,
the kernel ends cameras before the gateway.
"""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path

_MORE_BYTES = 768 * 1024 * 1024  # 4K HEVC takes 125 MiB; a clip's own detector as much
_ENDED_FIRST = "500"


def bound_memory(more_bytes: int = _MORE_BYTES) -> None:
    """Lets this process take no more than so many bytes beside what it has now."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_ENDED_FIRST, encoding="ascii")
    data_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
    _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = data_pages * resource.getpagesize() + more_bytes
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
