"""Inputs that are not there: says edges and states as the kernel does, on a pseudo-terminal in place of a GPIO chip.

What it can't show, so try it with a chip: resistors and levels, lines without an interrupt, rights of
``/dev/gpiochip0``, and a buffer of the kernel that really overflows (here, numbers are left out on demand). The
kernel's own simulator (``gpio-sim``) shows most of that, where its module can be loaded.

:class:`OutputsSimulator` stands in for lines that are driven. It can't show that a line that nobody holds floats: on a
chip, look what its driver does with it.

From a shell: ``python -m haechi.adapters.contacts.simulator --line 17``; the first line is the chip to open, and every
line that you type closes or opens the contact.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Self

from haechi.sdk.terminal import Terminal
from haechi.sdk.transports.contacts import ASK, RECORD, record_of
from haechi.sdk.transports.gpio_outputs import ORDER

_MILLISECOND_NS = 1_000_000


class ContactsSimulator:
    """Some lines whose contacts go to ground. An async context manager; ``chip`` is what to open."""

    def __init__(self, lines: Iterable[int]) -> None:
        """All contacts are open."""
        self.is_high = dict.fromkeys(lines, True)
        self.silent = False
        """True: it answers nothing and says nothing."""
        self._time_ns = 1_000_000_000
        self._number = 0
        self._terminal = Terminal()

    @property
    def chip(self) -> str:
        """The path that a gateway opens."""
        return self._terminal.path

    @property
    def is_held(self) -> bool:
        """Tell whether somebody holds the lines."""
        return self._terminal.is_held

    def close_contact(self, line: int, *, after_ms: float = 100.0) -> None:
        """Close a contact, ``after_ms`` after what happened before."""
        self._move(line, after_ms, is_high=False)

    def open_contact(self, line: int, *, after_ms: float = 100.0) -> None:
        """Open a contact."""
        self._move(line, after_ms, is_high=True)

    def pulse(self, line: int, times: int = 1, *, bounces: int = 0) -> None:
        """Close and open again, some times, bouncing so often at each end."""
        for _time in range(times):
            for is_high in (False, True):
                self._move(line, 100, is_high=is_high)
                for _bounce in range(bounces):
                    self._move(line, 0.2, is_high=not is_high)
                    self._move(line, 0.2, is_high=is_high)

    def lose(self, edges: int) -> None:
        """Let the kernel's buffer have lost so many edges."""
        self._number += edges

    async def __aenter__(self) -> Self:
        self._terminal.listen(self._heard)
        return self

    async def __aexit__(self, *_unused: object) -> None:
        self._terminal.close()

    def _heard(self, data: bytes) -> None:
        if ASK in data and not self.silent:
            self._terminal.say(b"".join(record_of(line, is_high) for line, is_high in self.is_high.items()))

    def _move(self, line: int, after_ms: float, *, is_high: bool) -> None:
        self.is_high[line] = is_high
        self._time_ns += round(after_ms * _MILLISECOND_NS)
        self._number += 1
        if not self.silent and self.is_held:
            self._terminal.say(record_of(line, is_high, self._time_ns, self._number))


class OutputsSimulator:
    """Some lines that are driven. An async context manager; ``chip`` is what to open."""

    def __init__(self, low: Iterable[int]) -> None:
        """All lines of ``low`` are low, and there are no others."""
        self.is_high = dict.fromkeys(low, False)
        self.driven: list[tuple[int, bool]] = []
        """Every order that reached a line, oldest first."""
        self.jammed: set[int] = set()
        """Lines that stay as they are, as where a wire to ground was left in."""
        self.delay_s = 0.0
        """How late it says how a line stands; what it is told is done at once."""
        self._came = bytearray()
        self._terminal = Terminal()

    @property
    def chip(self) -> str:
        """The path that a gateway opens."""
        return self._terminal.path

    async def __aenter__(self) -> Self:
        self._terminal.listen(self._heard)
        return self

    async def __aexit__(self, *_unused: object) -> None:
        self._terminal.close()

    def _heard(self, data: bytes) -> None:
        self._came += data
        size = len(ORDER) + RECORD.size
        while len(self._came) >= size:
            _time_ns, kind, line, number, _line_number = RECORD.unpack(self._came[len(ORDER) : size])
            del self._came[:size]
            if line not in self.is_high:
                continue
            self.driven.append((line, kind == 1))
            if line not in self.jammed:
                self.is_high[line] = kind == 1
            answer = record_of(line, self.is_high[line], number=number)
            asyncio.get_running_loop().call_later(self.delay_s, self._terminal.say, answer)


def main() -> None:
    """Stand in for a chip until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.contacts.simulator", description=main.__doc__)
    parser.add_argument("--line", type=int, default=17)
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(arguments.line))


async def _main(line: int) -> None:
    async with ContactsSimulator((line,)) as simulator:
        sys.stdout.write(simulator.chip + "\n")
        sys.stdout.flush()
        while await asyncio.to_thread(sys.stdin.readline):
            move = simulator.close_contact if simulator.is_high[line] else simulator.open_contact
            move(line)


if __name__ == "__main__":
    main()
