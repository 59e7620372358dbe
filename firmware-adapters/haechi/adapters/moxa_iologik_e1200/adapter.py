"""ioLogik E1200: emits contacts as true or false, counters as the absolute number that the device holds, and how its
outputs stand; switches the outputs that the configuration names, one coil at a time, and writes nothing else.

Addresses: *ioLogik E1200 Series User's Manual*, appendix A, default Modbus address mappings: inputs are the discrete
inputs from 10001 on, counters the pairs of input registers from 30017 on, high word first, relays and digital outputs
the coils from 00001 on. A number that disagrees with a user-defined map of the module is not noticed here: leave the
module's map as it is delivered.
"""

import struct
from collections.abc import Sequence
from typing import ClassVar

from haechi.adapters.moxa_iologik_e1200.config import Contact, IologikE1200Config, Output
from haechi.contract.observations import Value
from haechi.contract.places import Datastream, Step
from haechi.sdk import Actuator, Host, Sample
from haechi.sdk.transports.modbus_frames import Read, Table
from haechi.sdk.transports.modbus_poll import ModbusPolled
from haechi.sdk.transports.modbus_write import Coil, ModbusWriter

_INPUTS_FIRST = 0x0000
_OUTPUTS_FIRST = 0x0000
_COUNTERS_FIRST = 0x0010
_STEP = Step(1, 1)
_COUNTS = 2**32


class IologikE1200(ModbusPolled[IologikE1200Config]):
    """One module."""

    Config: ClassVar = IologikE1200Config
    kind = "an ioLogik E1200 with as many inputs and outputs"

    def __init__(self, device: str, config: IologikE1200Config, host: Host) -> None:
        """Plan the reads; open nothing."""
        super().__init__(device, config, host)
        names = [one.name for one in config.contact] + [one.name for one in config.counter]
        names += [one.name for one in config.output]
        self._names = tuple(f"{device}.{name}" for name in names)
        self._reads: list[Read] = []
        if config.contact:
            self._reads.append(
                Read(Table.DISCRETE, _INPUTS_FIRST, 1 + max(contact.channel for contact in config.contact))
            )
        if config.counter:
            channels = [counter.channel for counter in config.counter]
            self._first_counter = min(channels)
            count = max(channels) - self._first_counter + 1
            self._reads.append(Read(Table.INPUT, _COUNTERS_FIRST + 2 * self._first_counter, 2 * count))
        self._outputs = {one.name: one for one in config.output}
        if config.output:
            self._reads.append(Read(Table.COIL, _OUTPUTS_FIRST, 1 + max(one.channel for one in config.output)))
            coils = [Coil(_OUTPUTS_FIRST + one.channel) for one in config.output]
            self._writer = ModbusWriter(config.host, config.port, config.unit_id, coils, timeout_s=config.timeout_s)

    def describe(self) -> list[Datastream]:
        """Return one datastream for each input and output in use."""
        contacts, outputs = (
            [
                self.datastream(
                    one.name, "1", observed_property=one.observed_property, kind="bool", period_s=self.config.period_s
                )
                for one in channels
            ]
            for channels in (self.config.contact, self.config.output)
        )
        counters = [
            self.datastream(
                one.name,
                one.unit,
                observed_property=one.observed_property,
                step=_STEP,
                period_s=self.config.period_s,
                counter="total",
                rolls_over_at=_COUNTS,
            )
            for one in self.config.counter
        ]
        return contacts + counters + outputs

    def actuators(self) -> list[Actuator]:
        """Return the outputs that the configuration names."""
        return [one.actuator for one in self.config.output]

    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        """Switch one output, over a connection of its own; the module has no timer that ends it."""
        self.admitted(actuator, value, on_s)
        one = self._outputs[actuator]
        await self._writer.write(Coil(_OUTPUTS_FIRST + one.channel), value == (one.true_when == "on"))

    def reads(self) -> Sequence[Read]:
        """Return the inputs, the counters and the outputs, where there are any."""
        return self._reads

    def sample_of(self, answers: Sequence[bytes]) -> Sample | None:
        """Return every input and output in use."""
        rest = list(answers)
        values: list[Value] = []
        if self.config.contact:
            values += _states(rest.pop(0), self.config.contact)
        if self.config.counter:
            data = rest.pop(0)
            counts = struct.unpack(f">{len(data) // 4}I", data)
            values += [_STEP.value(counts[one.channel - self._first_counter]) for one in self.config.counter]
        if self.config.output:
            values += _states(rest.pop(0), self.config.output)
        return Sample(self._names, tuple(values))


def _states(data: bytes, channels: Sequence[Contact | Output]) -> list[bool]:
    """Return what the bits of an answer, the lowest first, mean for each of ``channels``."""
    bits = int.from_bytes(data, "little")
    return [(bits >> one.channel & 1 == 1) == (one.true_when == "on") for one in channels]
