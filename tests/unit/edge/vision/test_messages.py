"""The pipe between a camera's process and the gateway."""

import pytest

from haechi.edge.vision.messages import (
    HEADER,
    CameraState,
    Counts,
    Health,
    Message,
    Snapshot,
    ZoneChange,
    body_length,
    decoded,
    encoded,
)


@pytest.mark.parametrize(
    "message",
    [
        Health(state=CameraState.LOST, message="rtsp://***@cam/: no answer", frames_read=3),
        Counts(time_us=1, lines={"gate": (2, 3)}),
        ZoneChange(zone="z", raised=True, time_us=1, lasted_s=2.5, label="car", score=0.5, number=1,
                   snapshot=Snapshot(width_px=1, height_px=1, jpeg=b"\xff" * 61_440)),
    ],
)  # fmt: skip
def test_there_and_back(message: Message) -> None:
    data = encoded(message)
    assert body_length(data[: HEADER.size]) == len(data) - HEADER.size
    assert decoded(data[HEADER.size :]) == message


@pytest.mark.parametrize("body", [b"", b"hello", b"\xc0", b"\x81\xa4type\xa5other"])
def test_rubbish_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        decoded(body)


def test_a_length_that_no_message_has_is_refused() -> None:
    with pytest.raises(ValueError, match="message of"):
        body_length(b"Trac")
