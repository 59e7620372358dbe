"""A stream that is too dear is named with what it costs, and only as long as it is."""

from haechi.edge.vision.cost import DecodingCost, Spent

DEAR = "decoding 3840x2160 hevc takes 90 % of a core"


def test_a_dear_stream_is_named_after_some_seconds_and_until_it_is_cheap() -> None:
    cost = DecodingCost(100.0)
    assert not cost.account(104.0, Spent(3.6, 40, 0), "3840x2160 hevc")
    assert cost.account(105.0, Spent(4.5, 50, 0), "3840x2160 hevc")
    assert cost.complaint == f"{DEAR}: choose a smaller stream of the camera in url"
    assert cost.account(110.0, Spent(9.0, 100, 300), "3840x2160 hevc")
    assert cost.complaint.startswith(f"{DEAR} and keeps up with 14 % of its pictures")
    assert cost.account(115.0, Spent(9.5, 150, 300), "3840x2160 hevc")
    assert (cost.share, cost.complaint) == (0.1, "")


def test_what_another_capture_spent_is_not_taken_for_this_ones() -> None:
    cost = DecodingCost(100.0)
    assert cost.account(110.0, Spent(9.0, 100, 0), "640x360 h264")
    assert not cost.account(120.0, Spent(0.1, 5, 0), "640x360 h264")
    assert cost.account(125.0, Spent(0.6, 55, 0), "640x360 h264")
    assert (cost.share, cost.complaint) == (0.1, "")
