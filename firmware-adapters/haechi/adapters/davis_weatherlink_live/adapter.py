"""Davis WeatherLink Live: emits the current conditions of one station that it receives, in SI units.

A station that is not heard any more is told with its last values: they bear uncertain quality, and it is counted. Dew
point, wind chill and averages are the device's own derivations, and left out; so is the pressure at sea level.
"""

from typing import ClassVar

from haechi.adapters.davis_weatherlink_live.conditions import CELSIUS_STEP, RAIN_STEP, conditions_in
from haechi.adapters.davis_weatherlink_live.config import WeatherlinkLiveConfig
from haechi.contract.observations import Quality
from haechi.contract.places import Datastream
from haechi.sdk import BadReading, Host, Sample
from haechi.sdk.polled import Polled
from haechi.sdk.transports.http_poll import HttpPoll

_UNITS = {
    "air_temperature": "Cel",
    "relative_humidity": "%",
    "wind_speed": "m/s",
    "wind_direction": "deg",
    "wind_gust": "m/s",
    "rain_intensity": "mm/h",
    "rain_year": "mm",
    "solar_radiation": "W/m2",
    "uv_index": "1",
    "air_pressure": "hPa",
}
_STEPS = {"air_temperature": CELSIUS_STEP, "rain_intensity": RAIN_STEP, "rain_year": RAIN_STEP}


class WeatherlinkLive(Polled[WeatherlinkLiveConfig]):
    """One station."""

    Config: ClassVar = WeatherlinkLiveConfig

    def __init__(self, device: str, config: WeatherlinkLiveConfig, host: Host) -> None:
        """Keep what is given; open nothing."""
        super().__init__(device, config, host)
        self._http = HttpPoll(config)
        self._did = ""

    def describe(self) -> list[Datastream]:
        """Return one datastream for each property."""
        return [
            self.datastream(
                name,
                unit,
                observed_property="rain_sum_year" if name == "rain_year" else name,
                step=_STEPS.get(name),
                period_s=self.config.period_s,
                counter="total" if name == "rain_year" else None,
            )
            for name, unit in _UNITS.items()
            if name != "air_pressure" or self.config.barometer
        ]

    @property
    def name(self) -> str:
        """Where it is, for texts."""
        return self._http.name

    def open(self) -> None:
        """Nothing to do: each question has a connection of its own."""

    def close(self) -> None:
        """Close the connection where one is open."""
        self._http.close()

    def take_strays(self) -> int:
        """Return none: an answer belongs to its connection."""
        return 0

    async def round(self) -> Sample | None:
        """Ask for the current conditions."""
        answer = await self._http.get()
        if answer is None:
            return None
        try:
            return self.sample_of(answer.body)
        except BadReading:
            self._http.forget()
            raise

    async def identity(self) -> str:
        """Return the number that stood in the last answer."""
        return self._did

    def sample_of(self, body: bytes) -> Sample | None:
        """Return what an answer says; None where nothing was measured. Does no I/O.

        Raises:
            BadReading: it is no answer of such a device, or the station is not in it.
        """
        said = conditions_in(body, self.config.transmitter, barometer=self.config.barometer)
        self._did = said.who
        for counter, count in (("values_missing", said.missing), ("values_bad", said.damaged)):
            if count:
                self.host.count(counter, count)
        if not said.is_received:
            self.host.count("station_lost")
        if not said.values:
            return None
        names = tuple(f"{self.device}.{name}" for name in said.values)
        heard = Quality.GOOD if said.is_received else Quality.UNCERTAIN
        qualities = tuple(Quality.GOOD if name == "air_pressure" else heard for name in said.values)
        return Sample(names, tuple(said.values.values()), qualities if any(qualities) else None)
