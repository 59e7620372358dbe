"""Round trips and back-off: how long to wait."""

from hypothesis import given
from hypothesis import strategies as st

from haechi.edge.uplink.backoff import MOST_S as BACKOFF_MOST_S
from haechi.edge.uplink.backoff import REFUSED_S, Backoff
from haechi.edge.uplink.roundtrip import LEAST_S, MOST_S, RoundTrip


@given(st.lists(st.floats(-1, 1e6), max_size=100))
def test_a_time_out_stays_within_its_bounds(samples: list[float]) -> None:
    trip = RoundTrip()
    for sample in samples:
        trip.measured(sample)
        assert LEAST_S <= trip.timeout_s <= MOST_S


def test_a_steady_link_gets_a_short_time_out_and_an_uneven_one_a_longer() -> None:
    steady, uneven = RoundTrip(), RoundTrip()
    for number in range(50):
        steady.measured(2.0)
        uneven.measured(1.0 + 2.0 * (number % 2))
    assert 2.0 <= steady.timeout_s < 2.2
    assert uneven.timeout_s > 4.0


@given(st.lists(st.booleans(), max_size=30), st.floats(0, 1))
def test_a_broker_is_tried_within_its_bounds(refusals: list[bool], chance: float) -> None:
    backoff = Backoff(lambda: chance)
    for refused in refusals:
        wait_s = backoff.wait_s(refused)
        assert 0 < wait_s <= (REFUSED_S if refused else BACKOFF_MOST_S)


def test_success_begins_again_with_the_shortest_wait() -> None:
    backoff = Backoff(lambda: 1.0)
    waits = [backoff.wait_s(refused=False) for _ in range(6)]
    assert waits == sorted(waits)
    backoff.succeeded()
    assert backoff.wait_s(refused=False) == waits[0]
