"""Whether a detector knows what moves."""

from haechi.edge.vision.geometry import Box
from haechi.edge.vision.recognising import Recognising

CAR = Box(0.2, 0.2, 0.6, 0.5)
NEAR = Box(0.5, 0.4, 0.7, 0.6)
ELSEWHERE = Box(0.8, 0.8, 0.9, 0.9)
LEAF = Box(0.1, 0.1, 0.15, 0.15)


def after(looks: int, moved: list[Box], found: list[Box], *, unknown: int = 0) -> Recognising:
    recognising = Recognising()
    for _ in range(looks):
        recognising.note(moved, found)
    for _ in range(unknown):
        recognising.note([CAR], [])
    return recognising


def test_large_things_that_nothing_is_found_in_are_looked_at_in_vain() -> None:
    assert after(20, [CAR], []).in_vain
    assert after(20, [CAR], [ELSEWHERE]).in_vain


def test_a_few_looks_prove_nothing() -> None:
    assert not after(19, [CAR], []).in_vain


def test_who_is_recognised_now_and_then_is_not_looked_at_in_vain() -> None:
    assert not after(30, [LEAF, CAR], [NEAR], unknown=30).in_vain
    assert after(10, [LEAF, CAR], [NEAR], unknown=30).in_vain


def test_what_is_small_is_not_counted() -> None:
    assert after(50, [LEAF], []).looks == 0
    assert not after(50, [], []).in_vain
