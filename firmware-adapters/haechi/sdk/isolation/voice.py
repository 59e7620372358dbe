"""The gateway's voice: commands to a child that reads a device, each with its own answer, or none.

What was asked of a child that ended, or that answers too late, nobody knows; an answer that comes later is nobody's.
"""

import asyncio
from asyncio.subprocess import Process
from contextlib import suppress

from haechi.contract.observations import Value
from haechi.sdk.isolation.messages import Obeyed, Tell, frame

_WAITS_S = 8.0


class NoAnswer(Exception):  # noqa: N818 - reads as what it is
    """The child has not said what became of a command."""


class Voice:
    """Speaks to one child."""

    def __init__(self, process: Process) -> None:
        """``process`` listens on its standard input."""
        self._process = process
        self._awaited: dict[int, asyncio.Future[Obeyed]] = {}
        self._number = 0

    async def ask(self, actuator: str, value: Value, on_s: float) -> Obeyed:
        """Give a command, once, and return what became of it.

        Raises:
            NoAnswer: the child ended, or does not say; nobody knows.
        """
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._number += 1
        number = self._number
        answer = self._awaited[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(_WAITS_S):
                self._process.stdin.write(frame(Tell(number, actuator, value, on_s)))
                await self._process.stdin.drain()
                obeyed: Obeyed = await answer
                return obeyed
        except (OSError, TimeoutError):
            raise NoAnswer from None
        finally:
            del self._awaited[number]

    def answered(self, obeyed: Obeyed) -> None:
        """Learn what became of a command."""
        answer = self._awaited.get(obeyed.number)
        if answer is not None and not answer.done():
            answer.set_result(obeyed)

    def ended(self) -> None:
        """Learn that the child has ended."""
        for answer in self._awaited.values():
            with suppress(asyncio.InvalidStateError):
                answer.set_exception(NoAnswer())
