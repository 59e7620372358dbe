"""The gate opens for what moves and stays shut for noise and slow light."""

import numpy as np
from numpy.typing import NDArray

from haechi.edge.vision.motion import Motion, MotionGate
from haechi.edge.vision.picture import small_grey


def street(level: int = 90, seed: int = 1) -> NDArray[np.uint8]:
    """A grey street with the noise of a cheap camera."""
    noise = np.random.default_rng(seed).normal(0, 4, (360, 640))
    return np.clip(level + noise, 0, 255).astype(np.uint8)


def watched(gate: MotionGate, picture: NDArray[np.uint8]) -> Motion:
    return gate.watch(small_grey(picture))


def test_noise_is_no_motion() -> None:
    gate = MotionGate()
    assert watched(gate, street()).relit
    assert not any(watched(gate, street(seed=seed)).any for seed in range(50))


def test_something_that_comes_is_found_where_it_is() -> None:
    gate = MotionGate()
    for seed in range(10):
        watched(gate, street(seed=seed))
    picture = street(seed=11)
    picture[200:260, 300:320] = 200
    motion = watched(gate, picture)
    (region,) = motion.regions
    assert region.left < 300 / 640 < 320 / 640 < region.right
    assert region.top < 200 / 360 < 260 / 360 < region.bottom
    assert region.area < 0.06


def test_dusk_is_no_motion() -> None:
    gate = MotionGate()
    watched(gate, street(120))
    assert not any(watched(gate, street(120 - step // 4, seed=step)).any for step in range(200))


def test_a_lamp_going_on_costs_one_look() -> None:
    gate = MotionGate()
    for seed in range(5):
        watched(gate, street(60, seed))
    assert watched(gate, street(160)).relit
    assert not any(watched(gate, street(160, seed)).any for seed in range(20))


def test_a_stream_that_changes_its_size_is_looked_at() -> None:
    gate = MotionGate()
    watched(gate, street())
    assert watched(gate, np.zeros((100, 333), np.uint8)).relit
