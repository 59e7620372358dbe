"""The last frames of each wire are kept, and never more than so many."""

from hypothesis import given
from hypothesis import strategies as st

from haechi.sdk.trace import FRAME_BYTES_MAX, FRAMES_MAX, WIRES_MAX, Trace


def test_the_last_frames_are_kept_with_their_age() -> None:
    now_s = 100.0
    trace = Trace(lambda: now_s)
    for number in range(FRAMES_MAX + 3):
        now_s += 1
        trace.keep(number % 2, "10.0.0.7:502", bytes([number]))
    kept = trace.frames()
    assert [one.data[0] for one in kept] == list(range(3, FRAMES_MAX + 3))
    assert [one.age_s for one in kept] == [float(age) for age in range(FRAMES_MAX - 1, -1, -1)]


def test_the_wire_that_was_silent_longest_makes_room() -> None:
    now_s = 0.0
    trace = Trace(lambda: now_s)
    for number in range(WIRES_MAX):
        now_s += 1
        trace.keep(0, f"wire {number}", b"a")
    now_s += 1
    trace.keep(0, "wire 0", b"b")
    trace.keep(0, "one more", b"c")
    addresses = {one.address for one in trace.frames()}
    assert len(addresses) == WIRES_MAX
    assert "wire 1" not in addresses
    assert {"wire 0", "one more"} <= addresses


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2 * FRAME_BYTES_MAX)), max_size=200))
def test_what_is_kept_is_bounded(passed: list[tuple[int, int]]) -> None:
    trace = Trace(lambda: 0.0)
    for wire, size in passed:
        trace.keep(1, str(wire), bytes(size))
    kept = trace.frames()
    assert len(kept) <= 4 * FRAMES_MAX
    assert all(len(one.data) <= FRAME_BYTES_MAX for one in kept)
