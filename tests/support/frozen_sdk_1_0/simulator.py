"""A gauge that is not there: talks on a pseudo-terminal, with nothing but what SDK 1.0 had."""

import asyncio
import contextlib
import fcntl
import os
import tty
from typing import Self

from support.frozen_sdk_1_0.protocol import check_of


class FrozenGaugeSimulator:
    """One gauge. An async context manager: entering starts it, ``port`` is what to open."""

    def __init__(self) -> None:
        """Show one metre."""
        self.level_m = 1.0
        self.silent = False
        self._wire, self._line = os.openpty()
        tty.setraw(self._wire)
        tty.setraw(self._line)
        os.set_blocking(self._wire, False)
        self.port = os.ttyname(self._line)

    @property
    def is_held(self) -> bool:
        """Tell whether somebody holds the port."""
        descriptor = os.open(self.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._talk())
        return self

    async def __aexit__(self, *_unused: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        os.close(self._wire)
        os.close(self._line)

    async def _talk(self) -> None:
        while True:
            if not self.silent:
                body = b"LVL,%04d,0" % round(self.level_m * 1000)
                with contextlib.suppress(BlockingIOError):
                    os.write(self._wire, b"$" + body + b"*" + check_of(body) + b"\r\n")
            await asyncio.sleep(0.02)
