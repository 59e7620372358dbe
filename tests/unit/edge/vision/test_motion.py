"""The gate opens for what moves and stays shut for noise and slow light."""

import math
from collections.abc import Callable, Iterable

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
    assert not watched(gate, picture).any
    motion = watched(gate, np.roll(picture, 8, axis=1))
    (region,) = motion.regions
    assert region.left < 308 / 640 < 328 / 640 < region.right
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


def houses(level: float = 1.0, seed: int = 1) -> NDArray[np.uint8]:
    """A street with texture, in such light, with a sensor's noise."""
    chance = np.random.default_rng(9)
    scene = np.kron(chance.integers(40, 160, (18, 32)), np.ones((20, 20)))
    return np.clip(scene * level + np.random.default_rng(seed).normal(0, 3, scene.shape), 0, 255).astype(np.uint8)


def opened(pictures: Iterable[NDArray[np.uint8]]) -> tuple[int, int]:
    """How often movement was seen, and how often everything was new."""
    gate = MotionGate()
    seen = [watched(gate, picture) for picture in pictures]
    return sum(bool(motion.regions) for motion in seen), sum(motion.relit for motion in seen)


def test_clouds_and_the_cameras_own_exposure_are_no_motion() -> None:
    assert opened(houses(1 - 0.4 * math.sin(n / 12) ** 2, n) for n in range(100)) == (0, 1)


def test_lightning_is_no_motion() -> None:
    moved, relit = opened(houses(1.5 if n % 7 == 0 else 0.6, n) for n in range(100))
    assert moved <= 2
    assert relit <= 30


def test_headlights_that_sweep_the_street_are_no_motion() -> None:
    x, y = np.meshgrid(np.arange(640), np.arange(360))

    def lit(n: int) -> NDArray[np.uint8]:
        glow = np.exp(-(((x - 20 * n % 900 + 100) / 150) ** 2) - ((y - 220) / 90) ** 2)
        dark = houses(0.35, n)
        return np.asarray(np.clip(dark * (1 + 2 * glow), 0, 255), np.uint8)

    moved, _relit = opened(lit(n) for n in range(100))
    assert moved <= 3


def test_rain_does_not_hold_it_open_and_a_walker_in_it_is_seen() -> None:
    def wet(n: int, *, walker: bool) -> NDArray[np.uint8]:
        chance = np.random.default_rng(n)
        picture = houses(0.7, n)
        for left, top in zip(chance.integers(0, 630, 120), chance.integers(0, 320, 120), strict=True):
            length = int(chance.integers(10, 40))
            picture[top : top + length, left : left + 2] = (
                np.minimum(picture[top : top + length, left : left + 2], 205) + 50
            )
        if walker:
            picture[180:270, 3 * (n - 80) : 3 * (n - 80) + 30] = 230
        return picture

    gate = MotionGate()
    falling = [watched(gate, wet(n, walker=False)) for n in range(80)]
    assert sum(bool(motion.regions) for motion in falling[20:]) <= 3
    walking = [watched(gate, wet(n, walker=True)) for n in range(80, 140)]
    assert sum(bool(motion.regions) for motion in walking) >= 25


def swarm(seed: int) -> Callable[[int], NDArray[np.uint8]]:
    """A street at night with three moths near the lens, which turn as they please."""
    chance = np.random.default_rng(seed)
    places, ways = chance.uniform(0, 1, (3, 2)), np.zeros((3, 2))

    def picture(n: int) -> NDArray[np.uint8]:
        nonlocal places, ways
        dark = houses(0.4, n)
        ways = 0.8 * ways + chance.normal(0, 0.07, (3, 2))
        places = (places + ways) % 1.0
        for x, y in (places * (600, 320)).astype(int):
            dark[y : y + 40, x : x + 40] = 230
        return dark

    return picture


def test_insects_do_not_hold_it_open_and_a_walker_among_them_is_seen() -> None:
    night, gate = swarm(4), MotionGate()
    flying = [watched(gate, night(n)) for n in range(200)]
    assert sum(bool(motion.regions) for motion in flying[20:]) <= 60
    found = []
    for n in range(40):
        picture = night(200 + n)
        picture[150:250, 8 * n : 8 * n + 40] = 200
        place = (8 * n + 20) / 640
        found.append(any(abs(region.centre.x - place) < 0.05 for region in watched(gate, picture).regions))
    assert sum(found) >= 20


LARGE = np.kron(np.random.default_rng(9).integers(70, 130, (18, 32)), np.ones((40, 40)))
NOISE = [np.random.default_rng(n).normal(0, 2, LARGE.shape) for n in range(5)]


def large(n: int, *, walker_x: int | None = None, spot: int = 0) -> NDArray[np.uint8]:
    """A view of 1280x720, with somebody of 8 x 20 pixels, and with a puddle that the light brings out."""
    scene = LARGE + NOISE[n % len(NOISE)]
    if walker_x is not None:
        scene[400:420, walker_x : walker_x + 8] = 30
    scene[500:516, 300:308] += spot
    return np.asarray(np.clip(scene, 0, 255), np.uint8)


def test_somebody_twenty_pixels_high_is_seen_to_walk() -> None:
    gate = MotionGate()
    for n in range(10):
        watched(gate, large(n))
    found = [watched(gate, large(n, walker_x=600 + 3 * n)).regions for n in range(20)]
    seen = [region for regions in found for region in regions]
    assert len(seen) >= 8
    assert all(590 / 1280 < region.centre.x < 680 / 1280 and 400 / 720 < region.centre.y < 420 / 720 for region in seen)


def test_a_small_thing_that_goes_nowhere_is_no_motion() -> None:
    gate = MotionGate()
    for n in range(10):
        watched(gate, large(n))
    assert not any(watched(gate, large(n, spot=60)).any for n in range(30))
