"""The last seconds of a stream: bounded, and always something that can be decoded."""

from hypothesis import given
from hypothesis import strategies as st

from haechi.edge.vision.geometry import Box
from haechi.edge.vision.ring import Coding, Ring

H264 = Coding("h264", b"sps", 640, 360, "yuv420p", is_intra_only=False)
MJPEG = Coding("mjpeg", None, 640, 360, "yuvj420p", is_intra_only=True)


def filled(packets: list[tuple[int, bool]], *, window_s: float = 10, bytes_max: int = 1000) -> Ring:
    """A ring after packets of so many bytes, one a second."""
    ring = Ring(window_s=window_s, bytes_max=bytes_max)
    ring.begin(H264)
    for second, (size, is_key) in enumerate(packets):
        ring.add(bytes(size), is_key=is_key, taken_s=float(second))
    return ring


@given(st.lists(st.tuples(st.integers(1, 400), st.booleans()), max_size=60))
def test_it_stays_within_its_bytes_and_gives_what_can_be_decoded(packets: list[tuple[int, bool]]) -> None:
    ring = filled(packets)
    stretch = ring.between(0.0, 100.0)
    held = 0 if stretch is None else sum(len(packet.data) for packet in stretch.packets)
    assert held == ring.size <= 1000
    if stretch is not None:
        assert stretch.packets[0].is_key
        times = [packet.taken_s for packet in stretch.packets]
        assert times == [times[0] + number for number in range(len(times))]


def test_what_is_older_than_the_window_goes_by_whole_groups() -> None:
    ring = filled([(10, second % 4 == 0) for second in range(40)])
    stretch = ring.between(0.0, 100.0)
    assert stretch is not None
    # The window begins at 29 s, in the group of the key frame of 28 s.
    assert (stretch.packets[0].taken_s, stretch.packets[-1].taken_s) == (28.0, 39.0)


def test_a_part_begins_with_the_key_frame_that_it_needs() -> None:
    ring = filled([(10, second % 4 == 0) for second in range(12)], window_s=60)
    stretch = ring.between(6.0, 9.0)
    assert stretch is not None
    assert [packet.taken_s for packet in stretch.packets] == [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    assert ring.between(20.0, 30.0) is None


def test_whole_pictures_are_thinned_so_that_they_fill_the_window() -> None:
    ring = Ring(window_s=10, bytes_max=1000)
    ring.begin(MJPEG)
    for number in range(300):
        ring.add(bytes(100), is_key=False, taken_s=number / 10)
    stretch = ring.between(0.0, 100.0)
    assert stretch is not None
    assert [packet.taken_s for packet in stretch.packets] == [float(second) for second in range(20, 30)]


def test_another_stream_begins_anew() -> None:
    ring = filled([(10, True), (10, False)])
    ring.look(1.0, [Box(0.1, 0.1, 0.2, 0.4)])
    ring.begin(MJPEG)
    assert ring.between(0.0, 10.0) is None
    ring.add(b"picture", is_key=False, taken_s=2.0)
    stretch = ring.between(0.0, 10.0)
    assert stretch is not None
    assert (stretch.coding, [packet.data for packet in stretch.packets]) == (MJPEG, [b"picture"])


def test_where_people_were_is_forgotten_with_the_window() -> None:
    ring = filled([(10, True)] * 30)
    for second in range(30):
        ring.look(float(second), [Box(0.1, 0.1, 0.2, 0.4)])
    stretch = ring.between(0.0, 100.0)
    assert stretch is not None
    assert min(look.taken_s for look in stretch.seen) == 19.0
