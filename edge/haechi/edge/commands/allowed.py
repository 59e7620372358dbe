"""What may be told to devices, and with which key: what the configuration names, with the tighter of both bounds."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field

from haechi.contract.observations import Value
from haechi.contract.seals import KEY_CHARACTERS_MIN
from haechi.sdk import Actuator, Adapter
from haechi.text import _


class ActuatorConfig(BaseModel):
    """What the cloud may tell a device to do; without such a table, nothing is ever written to it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    device: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="Id of the device.")
    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="The actuator, as its adapter declares it."
    )
    on_s_max: float | None = Field(
        None, gt=0, le=86_400, description="For so long it may be away from its fail-safe state; the adapter's if less."
    )
    minimum: float | None = Field(None, description="Lowest level; the adapter's if higher.")
    maximum: float | None = Field(None, description="Highest level; the adapter's if lower.")


def read_key(path: Path | None) -> bytes:
    """Return the key of commands, the first line of its file; empty where there is no file.

    Raises:
        ValueError: it cannot be read, or is too short to be one; one line, without what stands in it.
    """
    if path is None:
        return b""
    try:
        with path.open(encoding="ascii") as file:
            key = file.readline(1024).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or _("not a text of ASCII characters")
        raise ValueError(_("gateway.command_key_file = {path}: {why}").format(path=path, why=why)) from None
    if len(key) < KEY_CHARACTERS_MIN:
        text = _("gateway.command_key_file = {path}: expected {count} characters or more in its first line")
        raise ValueError(text.format(path=path, count=KEY_CHARACTERS_MIN))
    return key.encode()


class Allowed(NamedTuple):
    """One actuator that may be commanded."""

    device: str
    actuator: Actuator
    """With the tighter bounds."""
    adapter: Adapter[Any]

    def fault(self, value: Value | None, on_s: float | None) -> str:
        """Return why this cannot be asked of it; empty where it can."""
        if value is None:
            return _("no value")
        return self.actuator.fault_in(value, on_s)


def allowed(written: Iterable[ActuatorConfig], adapters: Mapping[str, Adapter[Any]]) -> dict[tuple[str, str], Allowed]:
    """Return what may be commanded, by device and actuator.

    Raises:
        ValueError: a device, or its actuator, does not exist, or the bounds leave nothing; one line.
    """
    found: dict[tuple[str, str], Allowed] = {}
    for index, one in enumerate(written):
        key = f"actuator[{index}]"
        if one.device not in adapters:
            names = ", ".join(sorted(adapters)) or _("none")
            text = _("{key}.device = {name!r}: there is no such thing; known: {names}")
            raise ValueError(text.format(key=key, name=one.device, names=names))
        declared = {actuator.name: actuator.checked() for actuator in adapters[one.device].actuators()}
        if one.name not in declared:
            text = _("{key}.name = {name!r}: {device} only has: {names}")
            names = ", ".join(sorted(declared)) or _("none")
            raise ValueError(text.format(key=key, name=one.name, device=one.device, names=names))
        if (one.device, one.name) in found:
            raise ValueError(
                _("{key}: {device}.{name} is used twice").format(key=key, device=one.device, name=one.name)
            )
        tightened = _tightened(declared[one.name], one)
        if fault := tightened.fault(tightened.fail_safe):
            raise ValueError(
                _("{key}: its fail-safe state {state!r} lies outside: {fault}").format(
                    key=key, state=tightened.fail_safe, fault=fault
                )
            )
        found[one.device, one.name] = Allowed(one.device, tightened, adapters[one.device])
    return found


def _tightened(declared: Actuator, written: ActuatorConfig) -> Actuator:
    lowest = declared.minimum if written.minimum is None else max(written.minimum, declared.minimum)
    highest = declared.maximum if written.maximum is None else min(written.maximum, declared.maximum)
    on_s_max = declared.on_s_max if written.on_s_max is None else min(written.on_s_max, declared.on_s_max)
    return replace(declared, minimum=lowest, maximum=highest, on_s_max=on_s_max)
