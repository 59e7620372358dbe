"""ioLogik E1200: emits contacts as true or false, and counters as the absolute number that the device holds.

Addresses: *ioLogik E1200 Series User's Manual*, appendix A, default Modbus address mappings: inputs are the discrete
inputs from 10001 on, counters the pairs of input registers from 30017 on, high word first. A number that disagrees
with a user-defined map of the module is not noticed here: leave the module's map as it is delivered.
"""

import struct
from collections.abc import Sequence
from typing import ClassVar

from haechi.adapters.moxa_iologik_e1200.config import IologikE1200Config
from haechi.contract.observations import Value
from haechi.contract.places import Datastream, Step
from haechi.sdk import Host, Sample
from haechi.sdk.transports.modbus_frames import Read, Table
from haechi.sdk.transports.modbus_poll import ModbusPolled

_INPUTS_FIRST = 0x0000
_COUNTERS_FIRST = 0x0010
_STEP = Step(1, 1)
_COUNTS = 2**32


class IologikE1200(ModbusPolled[IologikE1200Config]):
    """One module."""

    Config: ClassVar = IologikE1200Config
    kind = "an ioLogik E1200 with as many digital inputs"

    def __init__(self, device: str, config: IologikE1200Config, host: Host) -> None:
        """Plan the reads; open nothing."""
        super().__init__(device, config, host)
        names = [contact.name for contact in config.contact] + [counter.name for counter in config.counter]
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

    def describe(self) -> list[Datastream]:
        """Return one datastream for each input in use."""
        contacts = [
            self.datastream(
                one.name, "1", observed_property=one.observed_property, kind="bool", period_s=self.config.period_s
            )
            for one in self.config.contact
        ]
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
        return contacts + counters

    def reads(self) -> Sequence[Read]:
        """Return the inputs, then the counters, where there are any."""
        return self._reads

    def sample_of(self, answers: Sequence[bytes]) -> Sample | None:
        """Return every input in use."""
        rest = list(answers)
        values: list[Value] = []
        if self.config.contact:
            bits = int.from_bytes(rest.pop(0), "little")
            values += [(bits >> one.channel & 1 == 1) == (one.true_when == "on") for one in self.config.contact]
        if self.config.counter:
            (data,) = rest
            counts = struct.unpack(f">{len(data) // 4}I", data)
            values += [_STEP.value(counts[one.channel - self._first_counter]) for one in self.config.counter]
        return Sample(self._names, tuple(values))
