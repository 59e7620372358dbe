"""Contacts on the gateway's own lines: a change is emitted as soon as it has lasted, and everything again and again.

Drives the lines that the configuration names as outputs, and no other.

A count begins at zero when the gateway starts, and goes on when the chip was away: what was counted before and during
that is not in it. So take differences of it (the gateway's derivation ``increase`` knows restarts).
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import ClassVar

from haechi.adapters.contacts.config import ContactsConfig
from haechi.adapters.contacts.debounce import PulseCount, Steady
from haechi.contract.observations import Value
from haechi.contract.places import Datastream, Step
from haechi.sdk import Actuator, Adapter, Host, Sample
from haechi.sdk.transports.contacts import Contacts, Edge
from haechi.sdk.transports.gpio_outputs import GpioOutputs
from haechi.text import _

_STEP = Step(1, 1)


class GpioContacts(Adapter[ContactsConfig]):
    """The lines of one chip."""

    Config: ClassVar = ContactsConfig

    def __init__(self, device: str, config: ContactsConfig, host: Host) -> None:
        """Keep what is given; open nothing."""
        super().__init__(device, config, host)
        self._contacts = {one.line: one for one in config.contacts}
        self._counters = {one.line: one for one in config.counters}
        self._counts = {one.line: PulseCount(one.debounce_ms * 1_000_000) for one in config.counters}
        self._steady: dict[int, Steady] = {}
        self._outputs = {one.name: one for one in config.outputs}
        rest = {one.line: one.is_high(one.fail_safe) for one in config.outputs}
        self._driver = GpioOutputs(config.output_chip or config.chip, rest, timeout_s=config.timeout_s)
        self._names = {one.line: f"{device}.{one.name}" for one in config.lines}

    def describe(self) -> list[Datastream]:
        """Return a truth for each contact and a number for each counter."""
        config = self.config
        contacts = [
            Datastream(
                id=self._names[one.line],
                thing=self.device,
                observed_property=one.observed_property,
                unit="1",
                kind="bool",
                period_s=config.repeat_s,
            )
            for one in config.contacts
        ]
        counters = [
            Datastream(
                id=self._names[one.line],
                thing=self.device,
                observed_property=one.observed_property,
                unit=one.unit,
                step=(_STEP.numerator, _STEP.denominator),
                period_s=config.repeat_s,
                counter="total",
            )
            for one in config.counters
        ]
        return contacts + counters

    async def probe(self) -> str:
        """Look how every line stands."""
        lines = self._lines()
        try:
            lines.open()
            states = await lines.states()
        finally:
            lines.close()
        told = ", ".join(
            f"{one.name} {_('closed') if one.is_closed(is_high=states[one.line]) else _('open')}"
            for one in self.config.lines
        )
        return _("{chip} answers: {states}").format(chip=self.config.chip, states=told)

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield every change when it has lasted, and all states and counts again and again."""
        clock = self.host.clock
        lines = self._lines()
        self._steady = {one.line: Steady(one.debounce_ms / 1000) for one in self.config.contacts}
        try:
            lines.open()
            due_s = clock.now()
            while True:
                edges = await self._wait(lines, due_s)
                now_s = clock.now()
                self._take(edges, now_s)
                if now_s >= due_s:
                    due_s = max(due_s + self.config.repeat_s, now_s)
                    for line, is_high in (await lines.states()).items():
                        if line in self._steady:
                            self._steady[line].see(is_high, now_s)
                    self._settle(now_s)
                    yield self._sample(tuple(self._names))
                elif changed := self._settle(now_s):
                    yield self._sample(changed)
                self._count_losses(lines)
        finally:
            lines.close()

    def actuators(self) -> list[Actuator]:
        """Return the outputs that the configuration names."""
        return [one.actuator for one in self.config.outputs]

    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        """Drive one line, and look how it stands; it is held until it is told its fail-safe state."""
        self.admitted(actuator, value, on_s)
        output = self._outputs[actuator]
        await self._driver.drive(output.line, is_high=output.is_high(bool(value)))

    async def _wait(self, lines: Contacts, due_s: float) -> list[Edge]:
        """Return edges as soon as some have come; none where something is due before."""
        settling_s = [one.due_s for one in self._steady.values() if one.due_s is not None]
        until_s = min([due_s, *settling_s])
        if self.host.clock.now() >= until_s:
            return []
        receiving = asyncio.ensure_future(lines.receive())
        sleeping = asyncio.ensure_future(self.host.clock.sleep_until(until_s))
        try:
            await asyncio.wait((receiving, sleeping), return_when=asyncio.FIRST_COMPLETED)
            return receiving.result() if receiving.done() else []
        finally:
            receiving.cancel()
            sleeping.cancel()
            # To await them one by one would swallow the cancellation of whoever waits here.
            await asyncio.wait((receiving, sleeping))
            if not receiving.cancelled():
                receiving.exception()  # raised above, or met again at the next look

    def _take(self, edges: list[Edge], now_s: float) -> None:
        for edge in edges:
            if edge.line in self._counts:
                is_closed = self._counters[edge.line].is_closed(is_high=edge.is_high)
                if not self._counts[edge.line].see(is_closed, edge.time_ns):
                    self.host.count("bounces")
            else:
                steady = self._steady[edge.line]
                if steady.due_s is not None:  # it had begun to move and has not come to rest
                    self.host.count("bounces")
                steady.see(edge.is_high, now_s)

    def _settle(self, now_s: float) -> tuple[int, ...]:
        """Return the contacts whose other state counts from now on."""
        return tuple(line for line, steady in self._steady.items() if steady.settle(now_s))

    def _sample(self, lines: tuple[int, ...]) -> Sample:
        values: list[Value] = []
        for line in lines:
            if line in self._counts:
                values.append(_STEP.value(self._counts[line].count))
            else:
                values.append(self._contacts[line].value_of(is_high=bool(self._steady[line].state)))
        return Sample(tuple(self._names[line] for line in lines), tuple(values))

    def _count_losses(self, lines: Contacts) -> None:
        if lines.edges_lost:
            self.host.count("edges_lost", lines.edges_lost)
        if lines.bad:
            self.host.count("bytes_bad", lines.bad)
        lines.edges_lost = lines.bad = 0

    def _lines(self) -> Contacts:
        config = self.config
        pulls = {one.line: one.pull for one in config.lines}
        return Contacts(config.chip, pulls, timeout_s=config.timeout_s, retry_s=config.retry_s)
