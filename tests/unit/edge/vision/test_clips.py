"""Clips: the right seconds, small, and nobody's head in them."""

import io

import av
import av.error
import numpy as np
import pytest
from numpy.typing import NDArray

from haechi.edge.vision import clips
from haechi.edge.vision.clips import Clip, ClipImpossible, People
from haechi.edge.vision.config import ClipConfig
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.masking import Masks
from haechi.edge.vision.ring import Coding, Kept, Stretch
from support.clips import HEIGHT_PX, WIDTH_PX, filmed, shown

SOMEBODY = Box(0.4, 0.2, 0.6, 0.9)
HEAD = (slice(40, 60), slice(134, 186))  # rows and columns of the picture, inside what is blurred
CONFIG = ClipConfig(frames_per_s=10)


def stripes(number: int) -> NDArray[np.uint8]:
    """A picture whose every fourth column is bright, and at 3 s and at 7 s its corner."""
    picture = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    picture[:, ::4] = picture[:, 1::4] = 255
    picture[:16, :16] = 255 if number in (30, 70) else 0
    return picture


def nobody(picture: NDArray[np.uint8]) -> list[Box]:
    return []


def make(frames: int, from_s: float, to_s: float, people: People = nobody, **changes: object) -> Clip:
    stretch = filmed(stripes, frames=frames).between(from_s, to_s)
    assert stretch is not None
    return clips.make(stretch, from_s, CONFIG.model_copy(update=changes), Masks([]), people)


def contrast(picture: NDArray[np.uint8], part: tuple[slice, slice]) -> float:
    return float(picture[part].std())


def test_it_holds_the_seconds_that_were_asked_for() -> None:
    clip = make(100, 3.0, 7.0)
    pictures = list(shown(clip.mp4))
    assert (clip.width_px, clip.height_px, clip.begins_s) == (WIDTH_PX, HEIGHT_PX, 3.0)
    assert len(pictures) == 41
    bright = [number for number, (_time_s, picture) in enumerate(pictures) if picture[:12, :12].mean() > 128]
    assert bright == [0, 40]
    assert pictures[-1][0] == pytest.approx(4.0, abs=0.11)


def test_it_is_an_mp4_whose_index_stands_in_front() -> None:
    mp4 = make(30, 0.0, 3.0).mp4
    assert mp4[4:8] == b"ftyp"
    assert mp4.index(b"moov") < mp4.index(b"mdat")
    with av.open(io.BytesIO(mp4)) as container:
        assert container.streams.video[0].codec_context.name == "h264"


def test_heads_are_blurred_in_every_picture() -> None:
    for _time_s, picture in shown(make(40, 0.0, 4.0, lambda picture: [SOMEBODY]).mp4):
        assert contrast(picture, HEAD) < 12
        assert contrast(picture, (slice(130, 170), slice(134, 186))) > 60


def test_a_head_that_the_detector_misses_in_one_picture_is_blurred_by_its_neighbours() -> None:
    calls = iter(range(1000))
    clip = make(40, 0.0, 4.0, lambda picture: [] if next(calls) % 2 else [SOMEBODY])
    assert all(contrast(picture, HEAD) < 12 for _time_s, picture in shown(clip.mp4))


def test_a_head_that_only_the_looks_saw_is_blurred() -> None:
    ring = filmed(stripes, frames=40)
    for number in range(20):
        ring.look(number / 5, [SOMEBODY])
    stretch = ring.between(0.0, 4.0)
    assert stretch is not None
    clip = clips.make(stretch, 0.0, CONFIG, Masks([]), nobody)
    assert all(contrast(picture, HEAD) < 12 for _time_s, picture in shown(clip.mp4))


def test_masks_are_black_before_the_detector_looks() -> None:
    seen: list[float] = []

    def people(picture: NDArray[np.uint8]) -> list[Box]:
        seen.append(float(picture[:80, 200:].max()))
        return []

    stretch = filmed(stripes, frames=20).between(0.0, 2.0)
    assert stretch is not None
    clip = clips.make(stretch, 0.0, CONFIG, Masks([[(0.6, 0.0), (1.0, 0.0), (1.0, 0.5), (0.6, 0.5)]]), people)
    assert seen
    assert set(seen) == {0.0}
    assert all(picture[:80, 200:].mean() < 6 for _time_s, picture in shown(clip.mp4))


def test_a_stream_that_is_shown_turned_is_masked_and_blurred_as_it_is_shown() -> None:
    ring = filmed(lambda number: np.full((HEIGHT_PX, WIDTH_PX, 3), 200, np.uint8), frames=20)
    ring.turn(3)
    stretch = ring.between(0.0, 2.0)
    assert stretch is not None
    clip = clips.make(stretch, 0.0, CONFIG, Masks([[(0.0, 0.0), (1.0, 0.0), (1.0, 0.25), (0.0, 0.25)]]), nobody)
    assert (clip.width_px, clip.height_px) == (HEIGHT_PX, WIDTH_PX)
    for _time_s, picture in shown(clip.mp4):
        assert picture[: WIDTH_PX // 4 - 4].mean() < 6
        assert picture[WIDTH_PX // 4 + 8 :].min() > 150
    ring.turn(0)
    assert ring.between(0.0, 2.0) is None


def test_it_ends_early_where_it_would_grow_beyond_its_bytes() -> None:
    def noise(number: int) -> NDArray[np.uint8]:
        return np.random.default_rng(number).integers(0, 255, (HEIGHT_PX, WIDTH_PX, 3), np.uint8)

    stretch = filmed(noise, frames=60, window_s=60).between(0.0, 6.0)
    assert stretch is not None
    clip = clips.make(stretch, 0.0, CONFIG.model_copy(update={"bytes_max": 100_000}), Masks([]), nobody)
    assert len(clip.mp4) <= 100_000
    assert len(list(shown(clip.mp4))) >= 5


def test_pictures_are_thinned_and_made_small() -> None:
    clip = make(100, 0.0, 9.9, frames_per_s=2.0, width_px_max=160)
    assert (clip.width_px, clip.height_px) == (160, 90)
    assert 19 <= len(list(shown(clip.mp4))) <= 21


def test_what_cannot_be_decoded_makes_no_clip() -> None:
    rubbish = Stretch(Coding("h264", None, 64, 64, None, is_intra_only=False), (Kept(b"rubbish", True, 0.0),), ())
    with pytest.raises(ClipImpossible, match="nothing of the stream"):
        clips.make(rubbish, 0.0, CONFIG, Masks([]), nobody)


def test_an_encoder_that_does_not_work_makes_no_clip_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise av.error.FFmpegError(22, "libopenh264 is not on this machine")

    monkeypatch.setattr(clips, "_stream", broken)
    with pytest.raises(ClipImpossible, match="libopenh264 is not on this machine"):
        make(20, 0.0, 1.0)
