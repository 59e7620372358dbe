"""Senseair S8: emits the carbon dioxide that the sensor says, with the quality that its own status gives it.

Registers: Senseair *Modbus on S8*, TDE2067, chapter "Modbus registers on sensor": IR1 status, IR4 CO2 in ppm; the
alarm and output status between them are not used.
"""

import struct
from collections.abc import Sequence
from typing import ClassVar

from haechi.adapters.senseair_s8.config import SenseairS8Config
from haechi.contract.observations import Quality
from haechi.contract.places import Datastream, Step
from haechi.sdk import Sample
from haechi.sdk.transports.modbus_frames import Read, Table
from haechi.sdk.transports.modbus_poll import ModbusPolled

_ROUND = (Read(Table.INPUT, 0, 4),)
_ANSWER = struct.Struct(">HHHH")
_STEP = Step(1, 1)

_FATAL, _OFFSET, _ALGORITHM, _OUTPUT, _SELF_DIAGNOSTICS, _RANGE, _MEMORY = (1 << bit for bit in range(7))
_BAD = _FATAL | _ALGORITHM | _SELF_DIAGNOSTICS | _MEMORY
_UNCERTAIN = _OFFSET | _RANGE
"""An output error concerns the alarm and PWM pins, not the value, and is neither."""


class SenseairS8(ModbusPolled[SenseairS8Config]):
    """One sensor."""

    Config: ClassVar = SenseairS8Config
    kind = "a Senseair S8"
    identity_read = Read(Table.INPUT, 25, 6)

    def identity_of(self, answer: bytes) -> str:
        """Return type and serial number (IR26, IR27, IR30, IR31); what stands between changes with its firmware."""
        return (answer[:4] + answer[8:]).hex()

    def describe(self) -> list[Datastream]:
        """Return the one datastream."""
        return [self.datastream("co2", "[ppm]", step=_STEP, period_s=self.config.period_s)]

    def reads(self) -> Sequence[Read]:
        """Return the one read: status and value come in one answer."""
        return _ROUND

    def sample_of(self, answers: Sequence[bytes]) -> Sample | None:
        """Return the value; none before the first measurement, when it says zero."""
        status, _alarm, _output, co2_ppm = _ANSWER.unpack(answers[0])
        if co2_ppm == 0:
            self.host.count("values_missing")
            return None
        quality = Quality.BAD if status & _BAD else Quality.UNCERTAIN if status & _UNCERTAIN else Quality.GOOD
        qualities = None if quality is Quality.GOOD else (quality,)
        return Sample((f"{self.device}.co2",), (_STEP.value(co2_ppm),), qualities)
