"""Asks a process one thing, within a time and a number of bytes; whatever it did, nothing of it is left afterwards.

What it says goes into files in memory that the kernel keeps from growing, so one that prints without end fills neither
this process nor a disk, and one that is full keeps nobody from asking.
"""

import os
import resource
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, NamedTuple


class Answer(NamedTuple):
    """What a process said before it ended."""

    output: bytes
    errors: bytes
    code: int
    whole: bool
    """Whether it said all that it wanted to; else it reached the number of bytes."""


def ask_once(
    command: Sequence[str], question: bytes, environment: Mapping[str, str], timeout_s: float, bytes_max: int
) -> Answer:
    """Run ``command`` with ``question`` as its standard input and return what it said; blocks until it has ended.

    Its helpers end with it. No file that it writes may be longer than ``bytes_max``.

    Raises:
        OSError: it cannot be run.
        subprocess.TimeoutExpired: it did not end in time; it has been ended.
    """
    with _memory() as asked, _memory() as output, _memory() as errors:
        asked.write(question)
        asked.seek(0)
        process = subprocess.Popen(  # noqa: S603 - the caller says what runs
            command, stdin=asked, stdout=output, stderr=errors, env=environment, start_new_session=True
        )
        try:
            with suppress(ProcessLookupError):
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (bytes_max, bytes_max))
            process.wait(timeout_s)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said, wrong = _read(output), _read(errors)
        return Answer(said, wrong, process.returncode, len(said) < bytes_max and len(wrong) < bytes_max)


def _memory() -> IO[bytes]:
    return os.fdopen(os.memfd_create("answer"), "w+b", buffering=0)


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
