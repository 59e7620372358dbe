"""A camera's process that wants too much memory fails alone, and nothing of what it saw is left of one that crashes."""

import subprocess
import sys

WANTS = """
import resource
from pathlib import Path
from haechi.edge.vision.bounds import be_expendable, bound_memory
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
be_expendable()
bound_memory(64 * 1024 * 1024)
enough = bytearray(32 * 1024 * 1024)
print(Path("/proc/self/oom_score_adj").read_text().strip())
print(resource.getrlimit(resource.RLIMIT_CORE))
try:
    bytearray(1024 * 1024 * 1024)
except MemoryError:
    print("refused")
"""


def test_it_goes_first_leaves_no_core_and_takes_so_much_more_and_no_further() -> None:
    done = subprocess.run([sys.executable, "-c", WANTS], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == ["500", "(0, 0)", "refused"]
