"""Which packets are told to have come before."""

from haechi.edge.vision.repeats import REMEMBERED, Repeats


def test_the_same_pictures_at_the_same_times_are_repeats() -> None:
    repeats = Repeats()
    film = [(3600 * n, b"picture %d" % n) for n in range(250)]
    assert all(repeats.is_new(*packet) for packet in film)
    assert not any(repeats.is_new(*packet) for packet in film * 3)
    assert repeats.is_new(3600 * 250, b"picture 250")


def test_a_film_in_a_loop_that_goes_on_in_time_is_news() -> None:
    repeats = Repeats()
    assert all(repeats.is_new(3600 * n, b"picture %d" % (n % 10)) for n in range(2000))


def test_a_clock_that_is_set_back_shows_other_pictures() -> None:
    repeats = Repeats()
    assert all(repeats.is_new(3600 * (n % 100), b"picture %d" % n) for n in range(400))


def test_without_time_stamps_nothing_is_a_repeat() -> None:
    repeats = Repeats()
    assert all(repeats.is_new(None, b"picture") for _ in range(10))


def test_what_is_remembered_is_bounded() -> None:
    repeats = Repeats()
    for n in range(3 * REMEMBERED):
        repeats.is_new(n, b"")
    assert repeats.is_new(0, b"")
    assert not repeats.is_new(3 * REMEMBERED - 1, b"")
