"""How much memory a camera's process may take, whatever its camera sends, and what is left of it when it crashes.

Promise: a stream that wants more (a picture of a gigapixel, a part of a multipart answer that never ends) fails in its
own process, which then reads on or ends and is started again; and where the machine runs out of memory nevertheless,
the kernel ends cameras before the gateway. A crash leaves no file: a process's memory holds pictures without blur, and
a password.
"""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path

_MORE_BYTES = 768 * 1024 * 1024  # 4K HEVC takes 125 MiB; a clip's own detector as much
_ENDED_FIRST = "500"


def be_expendable() -> None:
    """Lets the kernel end this process first, and write no core file of it; to be called before anything is loaded."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_ENDED_FIRST, encoding="ascii")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def bound_memory(more_bytes: int = _MORE_BYTES) -> None:
    """Lets this process take no more than so many bytes beside what it has now."""
    data_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
    _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = data_pages * resource.getpagesize() + more_bytes
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
