"""Clips that are wanted of a camera, until its process takes them."""

from haechi.edge.vision.messages import ClipWanted
from haechi.edge.vision.orders import Orders


async def test_what_lay_waiting_is_older_by_so_much_when_it_is_taken() -> None:
    now_s = 100.0
    orders = Orders(lambda: now_s)
    orders.give(ClipWanted(event="event-1", age_s=3.0))
    now_s = 140.0
    assert await orders.next() == ClipWanted(event="event-1", age_s=43.0)


def test_what_goes_for_another_is_given_back() -> None:
    orders = Orders(lambda: 0.0)
    given_back = [orders.give(ClipWanted(event=f"event-{number}")) for number in range(10)]
    assert given_back == [None] * 8 + [ClipWanted(event="event-0"), ClipWanted(event="event-1")]
