"""The board, and a status that always fits."""

import math

import pytest

from haechi.contract.control import CONTROL_BYTES_MAX, ActuatorStatus, GatewayStatus, HeldEpoch, decode_status
from haechi.edge.health import Health, encode_status


def test_a_mapping_that_is_empty_yet_is_read_when_it_is_not() -> None:
    health, counters = Health(), dict[str, int]()
    health.component("gateway", "agent", "running", "", counters)
    health.component("gateway", "agent", "running")
    counters["packets_old"] = 1
    assert health.components[0].counters == {"packets_old": 1}


def test_only_changes_are_told() -> None:
    told: list[int] = []
    health = Health(lambda: told.append(1))
    counters = {"frames_bad": 0}
    for _ in range(3):
        health.component("river-1", "modbus", "running", "", counters)
        counters["frames_bad"] += 1
    assert len(told) == 1
    assert health.components[0].counters == {"frames_bad": 3}
    health.problem("disk", "full")
    health.problem("disk", "full")
    health.problem("disk", "")
    assert len(told) == 3
    assert health.problems == ()


def test_a_status_of_very_many_components_fits_and_keeps_what_is_wrong() -> None:
    health = Health()
    for number in range(1000):
        health.component(f"meter-{number}", "modbus", "running", "", dict.fromkeys(map(str, range(20)), 1))
    health.component("gauge", "serial_level", "retrying", "x" * 600)
    payload = encode_status(GatewayStatus(state="online", at_us=1, components=health.components))
    assert len(payload) <= CONTROL_BYTES_MAX
    assert "gauge" in {part.id for part in decode_status(payload).components}


@pytest.mark.parametrize("devices", [30, 1000])
def test_a_status_fits_what_a_small_broker_takes_and_still_names_its_epochs(devices: int) -> None:
    health = Health()
    for number in range(devices):
        health.component(f"meter-{number}", "modbus", "retrying", "no answer " * 20, {"requests": 123_456})
        health.problem(f"problem {number}", "x" * 300)
    epochs = tuple(HeldEpoch(epoch=f"{number:032x}", order=number, lowest=1, next=3) for number in range(10))
    standing = tuple(f"river-{number}.level.high" for number in range(100))
    status = GatewayStatus(
        state="online",
        at_us=1,
        components=health.components,
        problems=health.problems,
        epochs=epochs,
        standing=standing,
        actuators=tuple(
            ActuatorStatus(device=f"post-{number}", name="siren", kind="switch", fail_safe=False, on_s_max=60.0)
            for number in range(100)
        ),
    )
    payload = encode_status(status, 2744)
    assert len(payload) <= 2744
    told = decode_status(payload)
    assert told.epochs == epochs
    assert told.actuators is None, "what is left out must not look as if nothing could be told"
    assert told.standing is None, "what is left out must not look as if nothing stood"
    assert told.problems


def test_what_an_adapter_puts_down_never_makes_the_status_unreadable() -> None:
    health = Health()
    counters = {"a": 1, "nan": math.nan, "huge": 10**30, "text": "7", "infinite": math.inf, 3: 4}
    health.component("gauge", "partner", "retrying", "no answer from \udcff", counters)  # type: ignore[arg-type]
    health.problem("disk", "\udcff")
    status = GatewayStatus(state="online", at_us=1, components=health.components, problems=health.problems)
    [told] = decode_status(encode_status(status)).components
    assert told.counters == {"a": 1}
    assert told.detail == "no answer from ?"


def test_a_retry_is_counted_when_it_begins() -> None:
    health = Health()
    for state in ("running", "retrying", "retrying", "running", "retrying"):
        health.component("camera", "camera", state, "again")
    assert health.retries["camera"] == 2
