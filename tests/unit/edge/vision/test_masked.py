"""No secret of an address is left in a text that people read; what helps them is."""

import pytest

from haechi.edge.vision.masked import filled_in, masked


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://user:se/cr@et@cam/stream", "rtsp://***@cam/stream"),
        ("http://cam/snapshot.cgi?user=admin&pwd=secret", "http://cam/snapshot.cgi?user=***"),
        ("rtsp://cam/user=admin_password=secret_channel=1.sdp", "rtsp://cam/user=***"),
        ("rtsp://cam/h264?Username=admin", "rtsp://cam/h264?Username=***"),
        ("http://cam/video?channel=1&u=admin&p=secret", "http://cam/video?channel=1&u=***&p=***"),
        ("http://cam/video?c2VjcmV0", "http://cam/video?***"),
        ("rtsp://cam/x?user={user}&password=secret", "rtsp://cam/x?user={user}&password=***"),
        ("rtsp://cam/user={user}_password={password}_1.sdp", "rtsp://cam/user={user}_password={password}_1.sdp"),
        ("rtsp://cam/Streaming/Channels/102", "rtsp://cam/Streaming/Channels/102"),
        ("rtsp://cam/realmonitor?channel=1&subtype=01", "rtsp://cam/realmonitor?channel=1&subtype=01"),
        ("rtsp://cam/live?token=profile_1", "rtsp://cam/live?token=***"),
        ("http://cam/?", "http://cam/?"),
    ],
)
def test_an_address_shows_what_helps_and_nothing_secret(address: str, shown: str) -> None:
    assert masked(address) == shown
    assert masked(f"[rtsp] {address} timed out; again {address}") == f"[rtsp] {shown} timed out; again {shown}"


def test_user_and_password_are_filled_in_as_an_address_may_hold_them() -> None:
    url = filled_in("rtsp://cam/user={user}_password={password}_1.sdp", "a&{password}", "p/w?")
    assert url == "rtsp://cam/user=a%26%7Bpassword%7D_password=p%2Fw%3F_1.sdp"
