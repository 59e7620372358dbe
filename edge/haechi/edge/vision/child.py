"""One process of a camera as the gateway holds it: started, given orders, listened to, and gone at the end.

Promise: whatever becomes of it (it ends, hangs, is killed, writes rubbish), nothing of it is left when
:meth:`Child.run` returns; one that is silent for too long is killed. What its libraries print reaches the log masked,
cut, and not more than so many lines a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from haechi.edge.vision.masked import masked
from haechi.edge.vision.messages import HEADER, ClipWanted, Message, Start, body_length, decoded
from haechi.text import _

FIRST_WORD_S = 60.0  # loading OpenCV and the model from a slow card
SILENT_S = 15.0
_LOG_LINE_CHARACTERS = 500
_LOG_LINES_A_MINUTE = 60


class ChildFailed(Exception):  # noqa: N818 - reads as what it is
    """The process cannot be talked to any more: start another. The message says why, for people."""


def rubbish() -> ChildFailed:
    """What is raised for a message that no sound process sends."""
    return ChildFailed(_("its process wrote rubbish; it is started again"))


class Child:
    """The process of one camera, one at a time."""

    def __init__(self, camera: str, command: Sequence[str]) -> None:
        """Starts nothing yet.

        Args:
            camera: its id, for the log.
            command: what is started.
        """
        self._camera = camera
        self._command = command
        self._log = logging.getLogger(f"haechi.camera.{camera}")
        self.complaint = ""
        """The last line that a process has logged."""

    async def run(
        self, start: Start, *, take: Callable[[Message], Awaitable[None]], order: Callable[[], Awaitable[ClipWanted]]
    ) -> int:
        """Runs one process to its end; returns its exit code, negative for a signal.

        Args:
            start: what it is started with.
            take: takes each message before the next is read; the process waits as long.
            order: waits for the next order.

        Raises:
            ChildFailed: it could not be started or talked to; also what `take` raises.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=() if start.turn is None else (start.turn,),
            )
        except OSError as error:
            # No memory, or no more processes allowed: for this machine now, not for good.
            text = _("its process cannot be started: {reason}").format(reason=error.strerror or error)
            raise ChildFailed(text) from error
        beside = [asyncio.create_task(self._relay(process.stderr))]
        try:
            await _begin(process.stdin, start)
            beside.append(asyncio.create_task(_hand_on(process.stdin, order)))
            await _listen(process.stdout, take)
            return await process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            # A process that is killed cannot close what its own children hold; the relay is not worth waiting for.
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            if process.stdin is not None:
                process.stdin.close()
                with contextlib.suppress(OSError):
                    await process.stdin.wait_closed()

    async def _relay(self, lines: asyncio.StreamReader | None) -> None:
        """Writes the process's lines into the log: masked, cut, and not more than so many a minute."""
        assert lines is not None  # noqa: S101 - as above
        loop = asyncio.get_running_loop()
        minute, count = 0, 0
        while True:
            try:
                raw = await lines.readline()
            except ValueError:  # longer than the reader's limit; the rest of it comes as lines of its own
                continue
            if not raw:
                return
            line = masked(raw.decode(errors="replace").strip())[:_LOG_LINE_CHARACTERS]
            self.complaint = line or self.complaint
            if minute != int(loop.time() // 60):
                minute, count = int(loop.time() // 60), 0
            count += 1
            if line and count <= _LOG_LINES_A_MINUTE:
                self._log.debug("camera %s: %s", self._camera, line)


async def _begin(orders: asyncio.StreamWriter | None, start: Start) -> None:
    assert orders is not None  # noqa: S101 - asked for above; tells the type checker
    # A process that has ended already is judged by what it wrote and by its exit code, as every other.
    with contextlib.suppress(OSError):
        orders.write(msgspec.json.encode(start) + b"\n")
        await orders.drain()


async def _hand_on(orders: asyncio.StreamWriter | None, order: Callable[[], Awaitable[ClipWanted]]) -> None:
    assert orders is not None  # noqa: S101 - as above
    with contextlib.suppress(OSError):
        while True:
            orders.write(msgspec.json.encode(await order()) + b"\n")
            await orders.drain()


async def _listen(messages: asyncio.StreamReader | None, take: Callable[[Message], Awaitable[None]]) -> None:
    assert messages is not None  # noqa: S101 - as above
    patience_s = FIRST_WORD_S
    while True:
        try:
            async with asyncio.timeout(patience_s):
                message = await _next(messages)
        except TimeoutError as error:
            text = _("its process said nothing for {seconds:.0f} s; it is started again")
            raise ChildFailed(text.format(seconds=patience_s)) from error
        except ValueError as error:
            raise rubbish() from error
        if message is None:
            return
        patience_s = SILENT_S
        await take(message)


async def _next(stream: asyncio.StreamReader) -> Message | None:
    """The next message; None at the end of the stream.

    Raises:
        ValueError: what came is none of ours.
    """
    try:
        header = await stream.readexactly(HEADER.size)
        return decoded(await stream.readexactly(body_length(header)))
    except asyncio.IncompleteReadError:
        return None
