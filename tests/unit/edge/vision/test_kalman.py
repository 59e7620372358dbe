"""Where something that moves evenly should be next."""

import random

import pytest

from haechi.edge.vision.kalman import Axis

STEP_S = 0.2


def axis() -> Axis:
    return Axis(0.1, measured_error=0.01, acceleration=0.05, velocity_error=1.0)


def test_the_velocity_is_known_after_a_few_measurements() -> None:
    moving = axis()
    for n in range(1, 6):
        moving.measure(0.1 + 0.06 * n, STEP_S)
    assert moving.velocity == pytest.approx(0.3, abs=0.01)
    assert moving.ahead(1.0) == pytest.approx(0.4 + 0.3, abs=0.02)


def test_noise_is_smoothed() -> None:
    chance, moving, worst_later = random.Random(3), axis(), 0.0
    for n in range(1, 60):
        moving.measure(0.1 + 0.02 * n + chance.gauss(0, 0.01), STEP_S)
        if n > 10:
            worst_later = max(worst_later, abs(moving.velocity - 0.1))
    assert worst_later < 0.05
    assert abs(moving.place - (0.1 + 0.02 * 59)) < 0.02


def test_a_turn_is_followed() -> None:
    moving = Axis(0.1, measured_error=0.01, acceleration=0.5, velocity_error=1.0)
    for n in range(1, 20):
        moving.measure(0.1 + 0.05 * n, STEP_S)
    for n in range(1, 8):
        moving.measure(1.05 - 0.05 * n, STEP_S)
    assert moving.velocity == pytest.approx(-0.25, abs=0.08)


def test_what_stood_still_may_go_anywhere() -> None:
    moving = axis()
    for n in range(1, 10):
        moving.measure(0.1 + 0.06 * n, STEP_S)
    moving.stand(0.7)
    assert moving.ahead(2.0) == 0.7
    moving.measure(moving.place - 0.2, STEP_S)
    assert moving.velocity == pytest.approx(-1.0, abs=0.1)


def test_a_second_look_at_the_same_moment_moves_nothing_far() -> None:
    moving = axis()
    moving.measure(0.12, 0.0)
    assert 0.1 < moving.place < 0.12
