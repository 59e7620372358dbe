"""A camera's process that wants too much memory fails alone."""

import subprocess
import sys

WANTS = """
from pathlib import Path
from haechi.edge.vision.bounds import bound_memory
bound_memory(64 * 1024 * 1024)
enough = bytearray(32 * 1024 * 1024)
print(Path("/proc/self/oom_score_adj").read_text().strip())
try:
    bytearray(1024 * 1024 * 1024)
except MemoryError:
    print("refused")
"""


def test_so_much_more_and_no_further() -> None:
    done = subprocess.run([sys.executable, "-c", WANTS], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["500", "refused"]
