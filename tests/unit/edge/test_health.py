"""The board, and a status that always fits."""

from haechi.contract.control import CONTROL_BYTES_MAX, GatewayStatus, decode_status
from haechi.edge.health import Health, encode_status


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
