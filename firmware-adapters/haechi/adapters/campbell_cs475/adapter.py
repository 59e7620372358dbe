"""Campbell CS475 family: emits the distance from radar to water in metres, and the stage where it is set up there.

The radar answers with a code of its own state behind its numbers. With any code but 0 it has no measured value: none is
emitted, and it is counted. Feet or metres are a setting of the radar, so it is asked for before every measurement
(``aXGU!``, which changes nothing): a technician who changes it does not change what the numbers mean here.

*CS475, CS476, and CS477 Radar Water Level Sensor*, instruction manual: 8.1.1 (measurement), 8.1.5 (units), 8.2 (codes).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar

from haechi.adapters.campbell_cs475.config import CampbellCs475Config
from haechi.contract.places import Datastream, Step
from haechi.sdk import BadReading, Host, Sample
from haechi.sdk.transports.sdi12_poll import Sdi12Polled
from haechi.text import _

_METRES = {0: Decimal(1), 1: Decimal("0.3048")}
"""aXGU!: 0 m, 1 ft."""
_STEP = Step(1, 10**7)
"""A thousandth of a foot is 0.0003048 m: seven places hold it and millimetres exactly."""
_VALUES = 3
"""Stage, distance, code."""


class CampbellCs475(Sdi12Polled[CampbellCs475Config]):
    """One radar."""

    Config: ClassVar = CampbellCs475Config

    def __init__(self, device: str, config: CampbellCs475Config, host: Host) -> None:
        """Keep what is given; open nothing."""
        super().__init__(device, config, host)
        self._factor = Decimal("nan")
        self._names = {"distance": 1, "water_level": 0} if config.stage else {"distance": 1}
        """Datastream → its place among the values."""

    @property
    def value_count(self) -> int:
        """Stage, distance, code."""
        return _VALUES

    @property
    def setting_count(self) -> int:
        """The unit."""
        return 1

    def describe(self) -> list[Datastream]:
        """Return the distance, and the stage where it is wanted."""
        return [self.datastream(name, "m", step=_STEP, period_s=self.config.period_s) for name in self._names]

    async def round(self) -> Sample | None:
        """Ask for the unit, then measure once."""
        self.heed_unit(await self.recorder.setting("XGU"))
        return await super().round()

    def heed_unit(self, said: Sequence[Decimal]) -> None:
        """Take what the radar says about its unit.

        Raises:
            BadReading: it is no unit that the manual knows.
        """
        if len(said) != 1 or said[0] not in _METRES:
            raise BadReading(_("the radar does not say its unit"))
        self._factor = _METRES[int(said[0])]

    def sample_of(self, values: Sequence[Decimal]) -> Sample | None:
        """Return what one measurement says, in metres; None where its code says that there is no measured value."""
        if len(values) != _VALUES:
            raise BadReading(
                _("{count} values, where this radar gives stage, distance and a code").format(count=len(values))
            )
        code = values[2]
        if code:
            self.host.count("device_errors")
            self.say_once(_("the radar has no measured value: error E{code:03d}").format(code=int(code)))
            return None
        self.say_once("")
        counts = [round(values[place] * self._factor * _STEP.denominator) for place in self._names.values()]
        return Sample(tuple(f"{self.device}.{name}" for name in self._names), tuple(map(_STEP.value, counts)))
