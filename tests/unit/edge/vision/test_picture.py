"""Pictures of every format that cameras send: brightness and colours, with nothing behind a mask."""

import io

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from haechi.edge.vision.masking import Masks
from haechi.edge.vision.picture import GREY_HEIGHT_PX, GREY_HEIGHT_PX_MAX, Decoded, Drawn, shrunk, small_grey

NOTHING = Masks(())
LEFT_HALF = Masks([((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))])


def street(height_px: int = 360, width_px: int = 640) -> NDArray[np.uint8]:
    """Dark above, bright below."""
    picture = np.full((height_px, width_px, 3), 60, np.uint8)
    picture[height_px // 2 :] = 180
    return picture


def frame(picture: NDArray[np.uint8], format_: str) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format=format_)


def filmed_turned(picture: NDArray[np.uint8], degrees: int) -> av.VideoFrame:
    """A picture out of a clip that says it is to be shown turned, counterclockwise, as those of phones do."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = picture.shape[1], picture.shape[0], "yuv420p"
        stream.set_display_rotation(degrees)
        container.mux(stream.encode(frame(picture, "yuv420p")))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as container:
        return next(container.decode(video=0))


@pytest.mark.parametrize(
    "format_", ["yuv420p", "yuvj420p", "yuv422p", "nv12", "gray", "yuyv422", "yuv420p10le", "bgr24"]
)
def test_every_format_gives_brightness_and_colours(format_: str) -> None:
    picture = Decoded(frame(street(), format_), NOTHING)
    grey = picture.grey()
    assert GREY_HEIGHT_PX <= grey.shape[0] < 2 * GREY_HEIGHT_PX
    assert grey.shape[1] / grey.shape[0] == pytest.approx(640 / 360, rel=0.02)
    # Sixteen to 235 or 0 to 255, as the camera has it.
    assert grey[5].mean() == pytest.approx(65, abs=8)
    assert grey[-5].mean() == pytest.approx(175, abs=8)
    assert np.abs(picture.colours().astype(int) - street()).max() <= 4


@pytest.mark.parametrize(("height_px", "width_px"), [(359, 641), (90, 161), (2, 3), (1080, 1920), (577, 319)])
def test_odd_and_small_sizes(height_px: int, width_px: int) -> None:
    grey = Decoded(frame(street(height_px, width_px), "yuv420p"), NOTHING).grey()
    assert grey.shape[0] < GREY_HEIGHT_PX_MAX
    assert grey.shape[0] == height_px or grey.shape[0] >= GREY_HEIGHT_PX


@pytest.mark.parametrize(("height_px", "grey_px"), [(360, 90), (480, 120), (720, 180), (1080, 270), (2160, 270)])
def test_a_thing_of_twenty_pixels_stays_one_of_five_or_so(height_px: int, grey_px: int) -> None:
    assert Decoded(frame(street(height_px, height_px * 16 // 9), "yuv420p"), NOTHING).grey().shape[0] == grey_px


@pytest.mark.parametrize("height_px", [90, 720])
def test_a_mask_is_black_for_everybody_and_the_decoder_keeps_its_own(height_px: int) -> None:
    own = frame(street(height_px, height_px * 2), "yuv420p")
    before = bytes(own.planes[0])
    picture = Decoded(own, LEFT_HALF)
    grey, colours = picture.grey(), picture.colours()
    assert not grey[:, : grey.shape[1] // 2].any()
    assert grey[:, grey.shape[1] // 2 + 1 :].all()
    assert not colours[:, : colours.shape[1] // 2].any()
    assert bytes(own.planes[0]) == before
    assert not Drawn(street(), LEFT_HALF).colours()[:, :300].any()


@pytest.mark.parametrize(
    ("degrees", "bright"), [(-90, np.s_[:, :50]), (90, np.s_[:, -50:]), (180, np.s_[:50]), (0, np.s_[-50:])]
)
def test_a_picture_is_turned_as_it_is_to_be_shown_and_masked_then(degrees: int, bright: tuple[slice, ...]) -> None:
    own = filmed_turned(street(), degrees)
    colours, grey = Decoded(own, NOTHING).colours(), Decoded(own, NOTHING).grey()
    assert colours.shape == ((640, 360, 3) if degrees in (-90, 90) else (360, 640, 3))
    assert colours[bright].min() > 150
    assert colours.mean() < 125
    assert grey.shape == (colours.shape[0] // 4, colours.shape[1] // 4)
    for masked in (Decoded(own, LEFT_HALF).colours(), Decoded(own, LEFT_HALF).grey()):
        assert not masked[:, : masked.shape[1] // 2].any()
        assert masked[:, masked.shape[1] // 2 + 1 :].all()


def test_colours_are_made_once() -> None:
    picture = Decoded(frame(street(), "yuv420p"), NOTHING)
    assert picture.colours() is picture.colours()


def test_shrinking_takes_means_and_stops_in_time() -> None:
    picture = np.zeros((400, 400), np.uint8)
    picture[::2] = 200
    assert shrunk(picture, 100, 100).shape == (100, 100)
    assert shrunk(picture, 101, 1).shape == (200, 200)
    assert (shrunk(picture, 101, 1) == 100).all()
    assert small_grey(picture).shape == (100, 100)
