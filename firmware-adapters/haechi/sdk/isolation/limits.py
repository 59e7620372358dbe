"""What an adapter in a process of its own may use."""

import sys
from typing import NamedTuple


class Limits(NamedTuple):
    """Numbers that an operator can read; each is enforced, and what happens beyond it is shown in the status."""

    memory_bytes_max: int = 128 * 2**20
    """Memory that the child may allocate (RLIMIT_DATA); beyond it the allocation fails and the child ends."""
    values_per_s_max: float = 2_000.0
    """Values a second, on average over :attr:`burst_s`; beyond it the child is ended. A sample without values counts as
    one, and so does every 64 characters of a text."""
    burst_s: float = 10.0
    """How many seconds' worth of values may come at once, as from a logger that is read back."""
    silence_s: float = 15.0
    """The child shows a sign of life every second; after so long without one it is ended."""
    files_max: int = 64
    """Open files and sockets (RLIMIT_NOFILE)."""
    retry_s: float = 30.0
    """How long after such an end it is started again."""
    python: str = sys.executable
    """The Python that runs it: that of an environment of its own, or this one."""
