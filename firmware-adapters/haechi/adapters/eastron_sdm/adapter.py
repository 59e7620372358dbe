"""Eastron SDM630 and SDM72: emits voltages, currents, powers and the absolute energy counters.

All values are input registers (function 4), a float in two of them, most significant word first. *Eastron SDM630-Modbus
V2 and SDM72D-M user manuals*, part "Modbus Protocol": addresses as in the column "start address".
"""

import math
import struct
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from haechi.adapters.eastron_sdm.config import EastronSdmConfig
from haechi.contract.observations import Value
from haechi.contract.places import Datastream
from haechi.sdk import Sample
from haechi.sdk.transports.modbus_frames import Read, Table
from haechi.sdk.transports.modbus_poll import ModbusPolled


class _Block(NamedTuple):
    """Parameters in a row: where the first is, and what each of them is."""

    address: int
    parameters: tuple[tuple[str, str], ...]


_PHASES = ("l1", "l2", "l3")
_POWER = _Block(0x0034, (("power", "W"),))
_SDM630 = (
    _Block(
        0x0000,
        tuple(
            (f"{name}_{phase}", unit)
            for name, unit in (("voltage", "V"), ("current", "A"), ("power", "W"))
            for phase in _PHASES
        ),
    ),
    _POWER,
    _Block(0x003E, (("power_factor", "1"),)),
    _Block(0x0046, (("frequency", "Hz"), ("energy_import", "kW.h"), ("energy_export", "kW.h"))),
)
_SDM72 = (_POWER, _Block(0x0048, (("energy_import", "kW.h"), ("energy_export", "kW.h"))))
_BLOCKS = {"sdm630": _SDM630, "sdm72": _SDM72}


class EastronSdm(ModbusPolled[EastronSdmConfig]):
    """One meter."""

    Config: ClassVar = EastronSdmConfig
    kind = "an Eastron meter of this model"
    identity_read = Read(Table.HOLDING, 0xFC00, 2)
    """Its serial number."""

    def describe(self) -> list[Datastream]:
        """Return one datastream for each parameter of the model."""
        return [
            self.datastream(
                name,
                unit,
                observed_property=name.removesuffix("_l1").removesuffix("_l2").removesuffix("_l3"),
                period_s=self.config.period_s,
                counter="total" if name.startswith("energy_") else None,
            )
            for block in _BLOCKS[self.config.model]
            for name, unit in block.parameters
        ]

    def reads(self) -> Sequence[Read]:
        """Return one read for each block."""
        return [Read(Table.INPUT, block.address, 2 * len(block.parameters)) for block in _BLOCKS[self.config.model]]

    def sample_of(self, answers: Sequence[bytes]) -> Sample | None:
        """Return every parameter that is a number."""
        names: list[str] = []
        values: list[Value] = []
        for block, answer in zip(_BLOCKS[self.config.model], answers, strict=True):
            numbers = struct.unpack(f">{len(block.parameters)}f", answer)
            for (name, _unit), number in zip(block.parameters, numbers, strict=True):
                if not math.isfinite(number):
                    self.host.count("values_not_finite")
                    continue
                names.append(f"{self.device}.{name}")
                values.append(number)
        return Sample(tuple(names), tuple(values)) if names else None
