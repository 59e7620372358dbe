"""Bytes that a value costs in an MQTT message, of 1,000 datastreams read once a second."""

from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.figures import Figure
from benchmarks.walks import Walk
from haechi.contract.envelope import OVERHEAD_BYTES
from haechi.contract.parcel import ClockQuality
from haechi.contract.topics import topic
from haechi.edge.builder import Builder
from haechi.edge.outbox import Epoch

_DATASTREAMS = 1_000
_SECONDS = 60
_SENSOR, _NOISE = 3, 32_768
"""How far numbers go in a second: as a sensor's last digits do, and anywhere at all."""
_START_US = 1_780_000_000_000_000


async def measure(bench: Bench) -> Sequence[Figure]:
    """Measure parcels of one and of five seconds."""
    bench.say(f"{_SECONDS} s of {_DATASTREAMS:,} datastreams")
    return [
        Figure(f"wire.bytes_per_value_{seconds}s_parcels{suffix}", _bytes_a_value(seconds, step_max), "bytes", floor)
        for suffix, step_max in (("", _SENSOR), ("_noise", _NOISE))
        for seconds, floor in ((1, 5), (5, 3))
    ]


def _bytes_a_value(seconds: int, step_max: int) -> float:
    """Return the mean over a minute, with the envelope and everything that MQTT adds."""
    walk = Walk(_DATASTREAMS, step_max)
    builder = Builder(walk.steps)
    epoch = Epoch(bytes(16), 1, 7)
    size = values = 0
    for start in range(0, _SECONDS, seconds):
        readings = list(walk.readings(_START_US + 1_000_000 * start, seconds))
        for draft in builder.observations(readings, epoch, ClockQuality.SYNCHRONISED):
            size += len(draft.body) + OVERHEAD_BYTES + _mqtt_bytes("city", "cabinet-0001")
            values += draft.observations
    assert values == _DATASTREAMS * _SECONDS
    return size / values


def _mqtt_bytes(tenant: str, gateway: str) -> int:
    """Return what a PUBLISH at QoS 1 has beside its payload: first byte, length, topic, packet id, no properties."""
    return 1 + 3 + 2 + len(topic(tenant, gateway, "up/live")) + 2 + 1
