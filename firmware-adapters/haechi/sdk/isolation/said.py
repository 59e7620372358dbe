"""What a child says, made fit for people: it says what it wants, and gets one line of bounded length."""

from asyncio.subprocess import Process
from collections import deque

_CHUNK_BYTES = 65536
_LAST_WORDS_BYTES = 2000
_LAST_LINE_CHARACTERS_MAX = 200
_LINE_CHARACTERS_MAX = 500


def one_line(said: str) -> str:
    """Return the first line of what was said, cut where it is too long."""
    line = said.partition("\n")[0]
    return line if len(line) <= _LINE_CHARACTERS_MAX else line[: _LINE_CHARACTERS_MAX - 1] + "…"


def last_line(said: bytes) -> str:
    """Return the last line of what was said, cut where it is too long; empty where there is none."""
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1][:_LAST_LINE_CHARACTERS_MAX] if lines else ""


async def keep_last_words(process: Process, last_words: deque[bytes]) -> None:
    """Keep the end of what a child writes to its standard error, until it has ended."""
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    kept = b""
    while data := await process.stderr.read(_CHUNK_BYTES):
        kept = (kept + data)[-_LAST_WORDS_BYTES:]
        last_words.append(kept)
