"""From configuration to adapters, and to everything the cloud must be told about things and datastreams.

Adapters are found by entry point, their configuration is checked by their own model, and a derivation, range or rule
that names a datastream which no device or camera has is refused with one line.
"""

import logging
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from haechi.contract.places import Datastream, Place, Step, Thing
from haechi.edge.commands.allowed import Allowed, allowed, read_key
from haechi.edge.config import (
    DeviceConfig,
    GatewayConfig,
    ProcessConfig,
    RateRule,
    RuleConfig,
    StaleRule,
    known,
)
from haechi.edge.config_file import ConfigError
from haechi.edge.derivations.chain import Link
from haechi.edge.derivations.config import Derivation, Linear, Stage
from haechi.edge.derivations.planning import computed, straight
from haechi.edge.derive import Derived, plan
from haechi.edge.recorder import Descriptions
from haechi.edge.rings import Ring
from haechi.edge.rules import Machine
from haechi.edge.rules.engine import Rule
from haechi.edge.rules.rate import Rate
from haechi.edge.rules.stale import Stale
from haechi.edge.rules.threshold import Threshold
from haechi.edge.vision import describe
from haechi.sdk import Adapter, Host, load_adapter
from haechi.sdk.errors import ConfigError as AdapterConfigError
from haechi.sdk.isolation import Isolated, Limits
from haechi.sdk.wire_load import overload
from haechi.text import _


@dataclass(frozen=True)
class Device:
    """One device with the adapter that reads it."""

    config: DeviceConfig
    adapter: Adapter[Any]
    host: Host


@dataclass
class Site:
    """Everything that the configuration describes, ready to run."""

    devices: list[Device] = field(default_factory=list)
    descriptions: Descriptions = field(default_factory=Descriptions)
    places: dict[str, Place] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    derivations: dict[str, list[tuple[str, Derived]]] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    """What is computed of more than one value, in the order of computing."""
    rings: dict[str, Ring] = field(default_factory=dict)
    """By datastream: what does not travel."""
    actuators: dict[tuple[str, str], Allowed] = field(default_factory=dict)
    """By device and actuator: what the cloud may tell devices."""
    command_key: bytes = b""
    """Whoever has it may."""
    cursors: dict[str, str] = field(default_factory=dict)
    """By device: where to read on in its memory; as committed."""
    rules: list[Rule] = field(default_factory=list)
    measured: list[str] = field(default_factory=list)
    """Datastreams that adapters emit."""


def assemble(config: GatewayConfig) -> Site:
    """Make the adapters and work out what they mean together. Opens nothing.

    Raises:
        ConfigError: an adapter is not installed or refuses its configuration, or a name does not exist.
    """
    try:
        return _assembled(config)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _assembled(config: GatewayConfig) -> Site:
    site = Site(places={place.id: place.place() for place in config.place})
    things: list[Thing] = []
    datastreams: dict[str, Datastream] = {}
    for index, device in enumerate(config.device):
        made = _device(index, device, partial(site.cursors.get, device.id))
        if device.enabled:
            site.devices.append(made)
        things.append(_thing(device, site.places[device.place]))
        told = _described(index, made)
        datastreams.update(told)
        site.measured.extend(told)
    needs = [(device.config.id, device.adapter.wire_load()) for device in site.devices]
    loads = [(name, load) for name, load in needs if load is not None]
    if line := overload(loads):
        raise ValueError(line)
    for camera in config.camera:
        things.append(describe.thing(camera, site.places[camera.place]))
        datastreams.update((datastream.id, datastream) for datastream in describe.datastreams(camera))
    site.actuators = allowed(config.actuator, {device.config.id: device.adapter for device in site.devices})
    site.command_key = read_key(config.gateway.command_key_file)
    measured = set(site.measured)
    for index, derivation in enumerate(config.derivation):
        _derive(site, f"derivation[{index}]", derivation, datastreams, measured)
    _keep_local(config, site, datastreams)
    for index, valid in enumerate(config.valid):
        known(f"valid[{index}].datastream", valid.datastream, datastreams)
        site.ranges[valid.datastream] = (valid.min, valid.max)
    # What is switched off stays described and checked, so that nothing that names it has to be taken out as well.
    off = {device.id for device in config.device if not device.enabled}
    place_of = {thing.id: thing.place for thing in things}
    for index, rule in enumerate(config.rule):
        known(f"rule[{index}].datastream", rule.datastream, datastreams)
        datastream = datastreams[rule.datastream]
        if datastream.thing in off:
            continue
        site.rules.append(_rule(rule, datastream, site.places[rule.place or place_of[datastream.thing]]))
    alike: dict[tuple[int, int], Step] = {}
    for name, stream in datastreams.items():
        if stream.step is not None:  # thousands of registers share a few steps
            site.steps[name] = alike.setdefault(stream.step, Step(*stream.step))
    described = [stream for stream in datastreams.values() if stream.id not in site.rings]
    site.descriptions = Descriptions(list(site.places.values()), things, described)
    return site


def _device(index: int, device: DeviceConfig, resume: Callable[[], str | None]) -> Device:
    host = Host(log=logging.getLogger(f"haechi.adapter.{device.id}"), resume=resume)
    if device.process is not None:
        return _isolated(index, device, device.process, host)
    try:
        adapter = load_adapter(device.adapter)
    except AdapterConfigError as error:
        raise ConfigError(f"device[{index}].{error}") from None
    try:
        return Device(device, adapter(device.id, adapter.load_config(device.config), host), host)
    except AdapterConfigError as error:
        raise ConfigError(f"device[{index}].config.{error}") from None


def _described(index: int, device: Device) -> dict[str, Datastream]:
    """Return what an adapter says of its datastreams, once it is sure that the cloud can read it.

    Raises:
        ValueError: something is not as the contract wants it; as every description travels in one parcel, it would
            cost everybody's.
    """
    described: dict[str, Datastream] = {}
    for datastream in device.adapter.describe():
        reason = ""
        try:
            msgspec.convert(msgspec.to_builtins(datastream), Datastream)
        except msgspec.ValidationError as error:
            reason = str(error)
        else:
            if datastream.thing != device.config.id or not datastream.id.startswith(f"{device.config.id}."):
                reason = _("expected an id that begins with {id}. and the thing {id}").format(id=device.config.id)
            elif datastream.id in described:
                reason = _("described twice")
        if reason:
            raise ValueError(
                _("device[{index}]: the adapter {adapter} describes {name!r} wrongly: {reason}").format(
                    index=index, adapter=device.config.adapter, name=datastream.id, reason=reason
                )
            )
        described[datastream.id] = datastream
    return described


def _isolated(index: int, device: DeviceConfig, process: ProcessConfig, host: Host) -> Device:
    limits = Limits(
        memory_bytes_max=process.memory_mib_max * 2**20,
        values_per_s_max=process.values_per_s_max,
        silence_s=process.silence_s,
        python=str(process.python or sys.executable),
    )
    try:
        return Device(device, Isolated(device.adapter, device.id, device.config, host, limits), host)
    except AdapterConfigError as error:
        key = "adapter" if error.key == "adapter" else f"config.{error.key}"
        raise ConfigError(f"device[{index}].{key}{str(error).removeprefix(error.key)}") from None


def _thing(device: DeviceConfig, place: Place) -> Thing:
    return Thing(
        id=device.id,
        name=device.name or device.id,
        kind=device.kind,
        place=place.id,
        latitude=place.latitude,
        longitude=place.longitude,
        adapter=device.adapter,
    )


def _derive(
    site: Site, key: str, written: Derivation, datastreams: dict[str, Datastream], measured: Collection[str]
) -> None:
    if written.id in datastreams:
        raise ValueError(_("{key}.id = {name!r}: the device gives it already").format(key=key, name=written.id))
    if isinstance(written, Linear | Stage):
        known(f"{key}.source", written.source, measured)
        made = _derived_straight(site, key, written, datastreams)
    else:
        link, made = computed(key, written, datastreams)
        site.links.append(link)
    if made.id.partition(".")[0] != made.thing:
        raise ValueError(
            _("{key}.id = {name!r}: expected a name that begins with {thing}.").format(
                key=key, name=made.id, thing=made.thing
            )
        )
    datastreams[made.id] = made


def _derived_straight(
    site: Site, key: str, written: Linear | Stage, datastreams: Mapping[str, Datastream]
) -> Datastream:
    line = straight(key, written, datastreams)
    source = datastreams[line.source]
    if source.kind != "number":
        raise ValueError(
            _("{key}.source = {name!r}: expected a datastream of numbers, this is {kind}").format(
                key=key, name=line.source, kind=source.kind
            )
        )
    derived = plan(line.offset, line.factor, source.step)
    site.derivations.setdefault(line.source, []).append((written.id, derived))
    datum = written.datum if isinstance(written, Stage) else ""
    # A count in another unit is a count: tips of a rain gauge that are millimetres.
    counts = line.offset == 0 and line.factor > 0
    rolls_over_at = source.rolls_over_at if counts else None
    return Datastream(
        id=written.id,
        thing=source.thing,
        observed_property=line.observed_property,
        unit=line.unit,
        name=written.name or datum,
        step=derived.step,
        period_s=source.period_s,
        device_time=source.device_time,
        device_clock=source.device_clock,
        counter=source.counter if counts else None,
        rolls_over_at=None if rolls_over_at is None else line.factor * rolls_over_at,
    )


def _keep_local(config: GatewayConfig, site: Site, datastreams: Mapping[str, Datastream]) -> None:
    """Make a ring for each datastream that stays here; what is computed of it has it cut as well."""
    for index, local in enumerate(config.local):
        known(f"local[{index}].datastream", local.datastream, datastreams)
        shown_by = {local.datastream}
        shown_by.update(target for target, _plan in site.derivations.get(local.datastream, ()))
        for link in site.links:  # in the order of computing
            if not shown_by.isdisjoint(link.sources):
                shown_by.add(link.id)
        site.rings[local.datastream] = Ring(local.values_max, local.kept_after_s, frozenset(shown_by))


def _rule(rule: RuleConfig, datastream: Datastream, place: Place) -> Rule:
    machine: Machine[Any]
    unit = datastream.unit
    if isinstance(rule, StaleRule):
        machine, threshold, unit = Stale(rule.after_s), rule.after_s, "s"
    elif isinstance(rule, RateRule):
        machine, threshold = Rate(rule.rise, rule.window_s, rule.clear_after_s), rule.rise
    else:
        above = rule.above is not None
        threshold = rule.above if rule.above is not None else rule.below or 0.0
        machine = Threshold(threshold, above, rule.hysteresis, rule.raise_after_s, rule.clear_after_s)
    return Rule(
        id=rule.id,
        machine=machine,
        datastream=datastream.id,
        unit=unit,
        threshold=threshold,
        event=rule.event,
        source=datastream.thing,
        place=place,
        severity=rule.severity,
    )
