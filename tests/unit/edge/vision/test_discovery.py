"""Finding cameras: what is shown of an answer is short and plain, and rubbish is no camera."""

from hypothesis import given
from hypothesis import strategies as st

from haechi.edge.vision.discovery import Found, answers
from haechi.edge.vision.onvif import Profile, smallest_sufficient
from support.onvif_camera import envelope


def match(scopes: str, addresses: str) -> bytes:
    inner = f"<d:Scopes>{scopes}</d:Scopes><d:XAddrs>{addresses}</d:XAddrs>"
    return envelope(f"<d:ProbeMatches><d:ProbeMatch>{inner}</d:ProbeMatch></d:ProbeMatches>")


def test_an_answer_is_a_camera_at_the_address_it_came_from() -> None:
    scopes = "onvif://www.onvif.org/name/Gapcheon%20west onvif://www.onvif.org/hardware/DS-2CD"
    assert answers(match(scopes, "http://10.9.9.9:8080/onvif/device_service"), "192.0.2.7") == [
        Found("192.0.2.7", 8080, "Gapcheon west", "DS-2CD")
    ]


def test_a_name_is_cut_and_holds_nothing_that_moves_a_terminal() -> None:
    (found,) = answers(match("onvif://www.onvif.org/name/%1B%5B2J" + "x" * 500, ""), "192.0.2.7")
    assert found == Found("192.0.2.7", 80, ("[2J" + "x" * 500)[:64], "")


@given(st.binary(max_size=200))
def test_rubbish_is_no_camera(data: bytes) -> None:
    assert answers(data, "192.0.2.7") == []


def profile(width_px: int, height_px: int, encoding: str = "H264") -> Profile:
    return Profile(f"{width_px}", "", encoding, width_px, height_px, 15)


def test_the_smallest_stream_that_suffices_is_taken() -> None:
    offered = [profile(2560, 1440), profile(352, 288), profile(640, 360), profile(1280, 720)]
    chosen = smallest_sufficient(offered)
    assert chosen is not None
    assert chosen.width_px == 640
    assert smallest_sufficient([profile(320, 240), profile(352, 288)]) == profile(352, 288)
    assert smallest_sufficient([profile(0, 0), profile(640, 360, "AV9")]) is None
