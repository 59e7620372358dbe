"""A view that is lost is told; light, weather and what drives past are not."""

from collections.abc import Callable, Iterable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from haechi.edge.vision.faults import Fault
from haechi.edge.vision.picture import small_grey
from haechi.edge.vision.view import View

Picture = NDArray[np.uint8]
HEIGHT_PX, WIDTH_PX = 360, 640
X, Y = np.meshgrid(np.arange(WIDTH_PX), np.arange(HEIGHT_PX))


def houses(seed: int = 9) -> NDArray[np.float64]:
    """A street with texture, soft as a lens shows it."""
    chance = np.random.default_rng(seed)
    coarse = np.kron(chance.integers(30, 170, (18, 32)), np.ones((20, 20)))
    fine = np.kron(chance.integers(-25, 25, (72, 128)), np.ones((5, 5)))
    return np.asarray(cv2.GaussianBlur(coarse + fine, (0, 0), 1.5), np.float64).clip(5, 220)


STREET = houses()


def taken(scene: NDArray[np.float64], n: int) -> Picture:
    noise = np.random.default_rng(n).normal(0, 3, scene.shape)
    return np.asarray(np.clip(scene + noise, 0, 255), np.uint8)


def judged(view: View, scenes: Iterable[NDArray[np.float64]], from_s: float = 0) -> list[tuple[Fault, bool, float]]:
    """A picture a second; when which fault began (as it was told) or ended."""
    found = []
    for n, scene in enumerate(scenes):
        changes = view.judge(small_grey(taken(scene, n)), from_s + n)
        found += [(change.fault, change.raised, from_s + n) for change in changes]
    return found


def learned() -> View:
    view = View()
    assert not judged(view, [STREET] * 20, -20)
    return view


def moved(dx: int, dy: int) -> NDArray[np.float64]:
    return np.roll(STREET, (dy, dx), (0, 1))


@pytest.mark.parametrize(
    ("fault", "scene", "within_s"),
    [
        ("black", np.full_like(STREET, 12), 5),
        ("blinded", np.full_like(STREET, 250), 12),
        ("covered", np.full_like(STREET, 80), 7),
        ("covered", 60 + 40 * X / WIDTH_PX, 7),
        ("moved", moved(50, 0), 14),
        ("moved", moved(20, -25), 14),
        ("moved", houses(5), 14),
    ],
)
def test_what_is_lost_is_told_once_and_once_when_it_is_back(
    fault: Fault, scene: NDArray[np.float64], within_s: float
) -> None:
    view = learned()
    ((told, raised, at_s),) = judged(view, [scene] * 40)
    assert (told, raised) == (fault, True)
    assert at_s <= within_s
    assert view.faulty
    ((told, raised, at_s),) = judged(view, [STREET] * 20, 40)
    assert (told, raised) == (fault, False)
    assert at_s <= 46
    assert not view.faulty


def infrared(n: int) -> NDArray[np.float64]:
    """Another spectrum, another gamma, a lamp in the middle, and the exposure settling."""
    lamp = np.clip(1.3 - 0.7 * np.hypot((X - 320) / 320, (Y - 180) / 180), 0.3, 1.3)
    return np.asarray(np.clip(255 * (STREET / 255) ** 0.8 * lamp * (0.8 + 1.2 * np.exp(-n / 4)), 0, 255))


def headlights(n: int) -> NDArray[np.float64]:
    glow = np.exp(-(((X - 75 * n % 900 + 100) / 150) ** 2) - ((Y - 220) / 90) ** 2)
    return np.asarray(np.clip(0.3 * STREET * (1 + 3 * glow) + 25 * glow, 0, 255))


@pytest.mark.parametrize(
    "light",
    [
        lambda n: np.clip(STREET * 0.5 * (3 if n % 3 == 0 else 1), 0, 255),
        lambda n: infrared(n % 30) if n // 30 % 2 else STREET,
        headlights,
        lambda n: STREET * (1 - 0.85 * n / 90),
        lambda n: STREET * (1.0 if n // 20 % 2 else 0.4),
    ],
    ids=["lightning", "infrared", "headlights", "dusk", "a lamp"],
)
def test_light_is_no_fault(light: Callable[[int], NDArray[np.float64]]) -> None:
    assert not judged(learned(), (light(n) for n in range(90)))


def test_a_lorry_in_front_of_a_third_of_the_view_is_no_fault() -> None:
    scene = STREET.copy()
    scene[40:320, 200:440] = 120
    assert not judged(learned(), [scene] * 60)


def test_a_view_that_was_never_anything_but_still_is_no_fault() -> None:
    """An empty street at night looks the same for hours."""
    view = View()
    grey = small_grey(taken(STREET, 1))
    assert not [change for n in range(600) for change in view.judge(grey, n)]


def test_bare_asphalt_is_neither_covered_nor_moved() -> None:
    asphalt = np.full_like(STREET, 90.0)
    assert not judged(View(), [asphalt] * 20 + [asphalt + 20] * 40)


def test_a_short_flash_or_hand_is_no_fault() -> None:
    assert not judged(
        learned(), [np.full_like(STREET, 250)] * 5 + [STREET] * 5 + [np.full_like(STREET, 60)] * 3 + [STREET] * 9
    )


def test_what_was_told_before_a_restart_ends_when_the_view_is_well() -> None:
    view = View(active=frozenset({"black"}))
    assert view.faulty
    assert judged(view, [np.full_like(STREET, 10)] * 10) == []
    ((fault, raised, _at_s),) = judged(view, [STREET] * 10, 10)
    assert (fault, raised) == ("black", False)


def test_a_camera_that_was_turned_while_the_power_was_off_is_noticed() -> None:
    before = learned()
    assert before.known is not None
    after = View(known=before.known.copy())
    ((fault, raised, _at_s),) = judged(after, [moved(50, 0)] * 20)
    assert (fault, raised) == ("moved", True)
    assert after.known is None
    assert not judged(View(known=before.known.copy()), [STREET] * 20)


def test_a_turned_camera_whose_stream_changes_its_size_is_still_turned() -> None:
    view = learned()
    assert [told[:2] for told in judged(view, [moved(50, 0)] * 40)] == [("moved", True)]
    for from_s, scene, ends in ((100, moved(50, 0), []), (200, STREET, [("moved", False)])):
        wide = cv2.resize(scene, (WIDTH_PX, 480))
        assert [told[:2] for told in judged(view, [wide] * 30, from_s)] == ends


def test_darkness_does_not_turn_a_camera_back() -> None:
    """A turned camera at nightfall, and one that is covered."""
    for fault, scene in (("moved", moved(50, 0)), ("covered", np.full_like(STREET, 80))):
        view = learned()
        assert [told[:2] for told in judged(view, [scene] * 20)] == [(fault, True)]
        night = judged(view, [np.full_like(STREET, 12)] * 20, 20)
        assert [told[:2] for told in night] == [("black", True)]
        day = judged(view, [scene] * 20, 40)
        assert [told[:2] for told in day] == [("black", False)]
        well = judged(view, [STREET] * 20, 60)
        assert [told[:2] for told in well] == [(fault, False)]


def test_a_view_that_is_lost_now_in_this_way_now_in_that_is_told_all_the_same() -> None:
    view = learned()
    ((_fault, raised, at_s),) = judged(view, [np.full_like(STREET, 80), houses(5)] * 15)
    assert raised
    assert at_s <= 20
