"""The one interface between a gateway and the code for one kind of device.

An adapter is a class with a frozen pydantic ``Config``. The gateway makes one instance a device, asks it what it will
emit, and then draws samples from it in a task of its own. What an adapter may rely on:

- ``samples()`` is started again, on the same instance, after every error, with the delay that the error names;
- cancelling the task, or ``aclose()`` on the iterator, ends it; every port must be released by then;
- nothing else runs in the adapter meanwhile, so it needs no locks of its own.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from haechi.contract.observations import Value
from haechi.contract.places import Datastream, Step
from haechi.sdk.actuator import Actuator
from haechi.sdk.errors import ConfigError, NotDone
from haechi.sdk.host import Host
from haechi.sdk.sample import Sample
from haechi.text import _

if TYPE_CHECKING:  # it needs pyserial, which an adapter without a serial line need not have
    from haechi.sdk.wire_load import WireLoad


class AdapterConfig(BaseModel):
    """What every adapter's configuration has in common.

    It is frozen, a key that nobody knows is an error, and types are taken as written: ``"502"`` is no number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _arrays_are_tuples(cls, written: Any) -> Any:
        """Take TOML's arrays as tuples, which a frozen model holds, and which strictness else refuses."""
        if not isinstance(written, Mapping):
            return written
        return {key: tuple(value) if isinstance(value, list) else value for key, value in written.items()}


ConfigT = TypeVar("ConfigT", bound=AdapterConfig)


class Adapter(ABC, Generic[ConfigT]):
    """The code for one kind of device; an instance is one device."""

    Config: ClassVar[type[AdapterConfig]]
    """The model of ``[device.config]``; every field has bounds, a description and its unit in the name."""

    def __init__(self, device: str, config: ConfigT, host: Host) -> None:
        """Keep what is given; open nothing.

        Raises:
            ConfigError: a value can only be judged together with others, and cannot work.
        """
        self.device = device
        self.config = config
        self.host = host

    @classmethod
    def load_config(cls, written: Mapping[str, Any]) -> Any:
        """Return the ``Config`` for what a person wrote under ``[device.config]``.

        Raises:
            ConfigError: one line that names the first wrong key, its value and what was expected.
        """
        try:
            return cls.Config.model_validate(dict(written))
        except ValidationError as error:
            raise ConfigError.from_validation(error) from None

    def datastream(
        self,
        name: str,
        unit: str,
        *,
        observed_property: str = "",
        step: Step | None = None,
        kind: Literal["number", "bool", "text"] = "number",
        period_s: float | None = None,
        counter: Literal["total", "increment"] | None = None,
        rolls_over_at: float | None = None,
    ) -> Datastream:
        """Return the description of one datastream of this device, for :meth:`describe`.

        Args:
            name: second part of its id.
            unit: UCUM code; 1 for what has none.
            observed_property: what is observed; by default what it is called.
            step: what one of the device's integers is in the unit.
            kind: number, bool or text.
            period_s: how often a value is due; None for events.
            counter: what a count means.
            rolls_over_at: the number after a total's largest.
        """
        return Datastream(
            id=f"{self.device}.{name}",
            thing=self.device,
            observed_property=observed_property or name,
            unit=unit,
            step=None if step is None else (step.numerator, step.denominator),
            kind=kind,
            period_s=period_s,
            counter=counter,
            rolls_over_at=rolls_over_at,
        )

    @abstractmethod
    def describe(self) -> list[Datastream]:
        """Return every datastream that :meth:`samples` may emit; needs no device and does no I/O."""

    def wire_load(self) -> "WireLoad | None":
        """Return what it needs of a serial line that others share; None where it needs no such line, or it is unknown.

        Needs no device and does no I/O: a configuration is refused where the devices of a line need too much of it.
        """
        return None

    def actuators(self) -> list[Actuator]:
        """Return what the device may be told to do; needs no device and does no I/O. Since SDK 1.1.

        Without any, nothing is ever written to the device.
        """
        return []

    def admitted(self, actuator: str, value: Value, on_s: float) -> Actuator:
        """Return the declaration of ``actuator``, if it may be told this. Since SDK 1.1.

        The gateway has judged a command before the adapter hears of it; what harms people is judged twice. Let it be
        the first line of :meth:`actuate`.

        Raises:
            NotDone: it is not declared, or the value or the time is out of its bounds; nothing was sent.
        """
        declared = next((one for one in self.actuators() if one.name == actuator), None)
        if declared is None:
            raise NotDone(_("{actuator}: this device has nothing of that name to be told").format(actuator=actuator))
        if fault := declared.fault(value) or declared.fault_of_time(on_s):
            raise NotDone(f"{actuator}: {fault}")
        return declared

    async def actuate(self, actuator: str, value: Value, on_s: float) -> None:
        """Bring ``actuator`` into the state ``value``; return when the device has confirmed it. Since SDK 1.1.

        Called at most once for a command, whether :meth:`samples` is running or not; never with a value out of bounds.
        Write once and never again: what is not confirmed is told as unknown.

        Args:
            actuator: the name of one of :meth:`actuators`.
            value: of its kind, within its bounds.
            on_s: after so long the gateway sets it back; a device with a timer of its own is given this.

        Raises:
            NotDone: the device refused, or the command never left; nothing has changed.
            AdapterError: nobody knows what the device did; any other error means the same.
        """
        raise NotDone(f"{actuator}={value!r} ({on_s:g} s): this adapter only reads")

    @abstractmethod
    async def probe(self) -> str:
        """Look whether the device answers, changing nothing in it, and say so in one line.

        Raises:
            NotConnected: it does not; the text says what was tried.
        """

    @abstractmethod
    def samples(self) -> AsyncGenerator[Sample, None]:
        """Open the device and yield what it says, for ever; release the port when closed or cancelled.

        Raises:
            NotConnected: the device is not there, or stopped answering.
            ConfigError: the configuration turned out to be impossible, such as two speeds for one serial port.
        """
