"""What makes quiet video hard: rain, headlights, infrared, insects, branches, lightning, a shaking pole.

Each is a function of a picture and of time that changes the picture as the real thing would; the same seed gives the
same weather.
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Weather = Callable[[Picture, float], Picture]
"""Takes uint8[H, W, 3] BGR and seconds; may draw into what it is given."""

_NIGHT = 0.3


def rain(seed: int) -> Weather:
    """Streaks that come in gusts, over grey light."""
    chance = np.random.default_rng(seed)

    def fall(picture: Picture, now_s: float) -> Picture:
        high, wide = picture.shape[:2]
        gust = 0.5 + 0.5 * np.sin(now_s / 17) ** 2
        drops = np.zeros((high, wide), np.uint8)
        for x, y, length in zip(
            chance.integers(0, wide, round(140 * gust)),
            chance.integers(-20, high, round(140 * gust)),
            chance.integers(8, 40, round(140 * gust)),
            strict=True,
        ):
            end = (int(x - 0.15 * length * gust), int(y + length))
            cv2.line(drops, (int(x), int(y)), end, int(chance.integers(25, 70)), 1 + int(length > 32))
        dull = cv2.convertScaleAbs(picture, alpha=0.75, beta=12)
        return np.asarray(cv2.add(dull, cv2.cvtColor(drops, cv2.COLOR_GRAY2BGR)), np.uint8)

    return fall


def headlights(seed: int) -> Weather:
    """Night, and the light of cars that pass unseen: it sweeps the ground, and lamps glare from the edge."""
    chance = np.random.default_rng(seed)
    offset = float(chance.uniform(0, 10))

    def sweep(picture: Picture, now_s: float) -> Picture:
        high, wide = picture.shape[:2]
        place = ((now_s + offset) % 7.0) / 3.0 - 0.3  # three seconds of light, four of dark
        there = np.full((high // 4, wide // 4), _NIGHT, np.float32)
        if place < 1.3:
            x = np.arange(wide // 4, dtype=np.float32) * 4 / wide
            y = np.arange(high // 4, dtype=np.float32) * 4 / high
            beam = np.exp(-(((x - place) / 0.16) ** 2))[None, :] * np.exp(-(((y - 0.65) / 0.22) ** 2))[:, None]
            there += 1.1 * beam.astype(np.float32)
        light = cv2.resize(there, (wide, high), interpolation=cv2.INTER_LINEAR)[..., np.newaxis]
        return np.asarray(np.clip(picture * light + chance.normal(0, 3, (high, wide, 1)), 0, 255), np.uint8)

    return sweep


def infrared(seed: int) -> Weather:
    """The camera changes to infrared and back every 20 seconds, its exposure settling each time."""
    phase_s = float(np.random.default_rng(seed).uniform(0, 20))

    def switch(picture: Picture, now_s: float) -> Picture:
        cycle_s = (now_s + phase_s) % 40
        since_s = cycle_s % 20
        settling = 1 + 0.8 * float(np.exp(-since_s / 0.7))
        if cycle_s < 20:
            return np.asarray(cv2.convertScaleAbs(picture, alpha=settling), np.uint8)
        high, wide = picture.shape[:2]
        # Leaves are bright in infrared, and the camera's own lamp lights the middle.
        grey = cv2.transform(picture, np.array([[0.1, 0.9, 0.3]], np.float32))
        x, y = np.linspace(-1, 1, wide, dtype=np.float32), np.linspace(-1, 1, high, dtype=np.float32)
        lamp = np.clip(1.1 - 0.5 * np.sqrt(x[None, :] ** 2 + y[:, None] ** 2), 0.35, None)
        lit = np.clip(grey.astype(np.float32) * lamp * settling, 0, 255).astype(np.uint8)
        return np.asarray(cv2.cvtColor(lit, cv2.COLOR_GRAY2BGR), np.uint8)

    return switch


def insects(seed: int) -> Weather:
    """Moths close to the lens at night: large, bright, out of focus, never where they were."""
    chance = np.random.default_rng(seed)
    places = chance.uniform(0, 1, (3, 2))
    ways = chance.normal(0, 0.12, (3, 2))

    def swarm(picture: Picture, now_s: float) -> Picture:
        nonlocal places, ways
        high, wide = picture.shape[:2]
        ways = 0.8 * ways + chance.normal(0, 0.07, (3, 2))
        places = (places + ways) % 1.0
        glow = np.zeros((high // 4, wide // 4), np.uint8)
        for number, (x, y) in enumerate(places):
            if int(now_s / 3 + number) % 3 == 0:
                continue
            size = (int(chance.integers(3, 9)), int(chance.integers(2, 5)))
            at = (int(x * wide / 4), int(y * high / 4))
            cv2.ellipse(glow, at, size, float(chance.uniform(0, 180)), 0, 360, 190, -1)
        soft = cv2.resize(cv2.GaussianBlur(glow, (0, 0), 1.2), (wide, high), interpolation=cv2.INTER_LINEAR)
        dark = cv2.convertScaleAbs(picture, alpha=0.45)
        return np.asarray(cv2.add(dark, cv2.cvtColor(soft, cv2.COLOR_GRAY2BGR)), np.uint8)

    return swarm


def branches(seed: int) -> Weather:
    """Leaves and their shadows that sway in gusts over the upper third and a strip of the ground."""
    chance = np.random.default_rng(seed)
    leaves: Picture | None = None

    def sway(picture: Picture, now_s: float) -> Picture:
        nonlocal leaves
        high, wide = picture.shape[:2]
        if leaves is None:
            leaves = np.zeros((high, wide), np.uint8)
            for _ in range(220):
                at = (int(chance.integers(0, wide // 2)), int(abs(chance.normal(0, 0.18)) * high))
                cv2.ellipse(leaves, at, (9, 4), float(chance.uniform(0, 180)), 0, 360, 255, -1)
            leaves = np.asarray(cv2.GaussianBlur(leaves, (0, 0), 1.0), np.uint8)
        gust = 1 + 2.5 * np.sin(now_s / 11) ** 2
        dx, dy = gust * 3 * np.sin(1.9 * now_s), gust * 1.2 * np.sin(2.7 * now_s + 1)
        moved = cv2.warpAffine(leaves, np.array([[1, 0.01 * gust * np.sin(now_s), dx], [0, 1, dy]]), (wide, high))
        shadow = cv2.warpAffine(leaves, np.array([[1, 0, dx + 0.3 * wide], [0, 0.7, dy + 0.6 * high]]), (wide, high))
        cover, dim = moved[..., np.newaxis] / 255, 1 - 0.4 * shadow[..., np.newaxis] / 255
        return np.asarray(picture * dim * (1 - cover) + np.array([30, 70, 45]) * cover, np.uint8)

    return sway


def lightning(seed: int) -> Weather:
    """Flashes of one or two pictures over a dark street, a few a minute."""
    chance = np.random.default_rng(seed)
    flash_s, falling = -10.0, rain(seed + 1)

    def flash(picture: Picture, now_s: float) -> Picture:
        nonlocal flash_s
        if now_s - flash_s > 3 and chance.uniform() < 0.03:
            flash_s = now_s
        bright = 1.6 if now_s - flash_s < 0.3 else 0.45
        return np.asarray(cv2.convertScaleAbs(falling(picture, now_s), alpha=bright), np.uint8)

    return flash


def shaking(seed: int) -> Weather:
    """The pole sways in the wind by up to two pixels, and clouds pass."""
    phase_s = float(np.random.default_rng(seed).uniform(0, 100))

    def shake(picture: Picture, now_s: float) -> Picture:
        high, wide = picture.shape[:2]
        dx, dy = 1.8 * np.sin(3.1 * now_s + phase_s), 0.9 * np.sin(4.3 * now_s)
        cloud = 0.8 + 0.2 * np.sin((now_s + phase_s) / 9)
        moved = cv2.warpAffine(picture, np.array([[1, 0, dx], [0, 1, dy]]), (wide, high), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(cv2.convertScaleAbs(moved, alpha=cloud), np.uint8)

    return shake


KINDS: Mapping[str, Callable[[int], Weather]] = {
    "rain": rain,
    "headlights": headlights,
    "infrared": infrared,
    "insects": insects,
    "branches": branches,
    "lightning": lightning,
    "shaking": shaking,
}
