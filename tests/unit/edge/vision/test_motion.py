"""The gate opens for what moves and stays shut for noise and slow light."""

import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.motion import MotionGate


def street(level: int = 90, seed: int = 1) -> NDArray[np.uint8]:
    """A grey street with the noise of a cheap camera."""
    noise = np.random.default_rng(seed).normal(0, 4, (360, 640, 3))
    return np.clip(level + noise, 0, 255).astype(np.uint8)


def test_noise_is_no_motion() -> None:
    gate = MotionGate()
    assert gate.watch(street()).relit
    assert not any(gate.watch(street(seed=seed)).any for seed in range(50))


def test_something_that_comes_is_found_where_it_is() -> None:
    gate = MotionGate()
    for seed in range(10):
        gate.watch(street(seed=seed))
    picture = street(seed=11)
    picture[200:260, 300:320] = 200
    motion = gate.watch(picture)
    (region,) = motion.regions
    assert region.left < 300 / 640 < 320 / 640 < region.right
    assert region.top < 200 / 360 < 260 / 360 < region.bottom
    assert region.area < 0.06


def test_dusk_is_no_motion() -> None:
    gate = MotionGate()
    gate.watch(street(120))
    assert not any(gate.watch(street(120 - step // 4, seed=step)).any for step in range(200))


def test_a_lamp_going_on_costs_one_look() -> None:
    gate = MotionGate()
    for seed in range(5):
        gate.watch(street(60, seed))
    assert gate.watch(street(160)).relit
    assert not any(gate.watch(street(160, seed)).any for seed in range(20))


def test_a_stream_that_changes_its_size_is_looked_at() -> None:
    gate = MotionGate()
    gate.watch(street())
    assert gate.watch(np.zeros((100, 333, 3), np.uint8)).relit
