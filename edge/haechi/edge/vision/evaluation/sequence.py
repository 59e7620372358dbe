"""A sequence of the MOT Challenge as a clip: a folder with ``seqinfo.ini`` and numbered pictures.

Its truth numbers pictures, so none may be left out or made up: a sequence that is shorter than it says of itself is
answered with the picture that is missing.
"""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Annotated

import av
import av.error
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from haechi.edge.config_file import explain
from haechi.edge.vision.source import CannotOpen, Source
from haechi.text import _

INFO = "seqinfo.ini"
_BYTES_MAX = 64 * 1024


class _Info(BaseModel):
    """What ``[Sequence]`` says, as far as it is needed here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pictures: str = Field("img1", alias="imDir", pattern=r"^[^/]+$")
    extension: str = Field(".jpg", alias="imExt", pattern=r"^\.(jpg|jpeg|png)$")
    frames_a_s: Annotated[float, Field(gt=0, le=1000)] = Field(alias="frameRate")
    length: int = Field(alias="seqLength", gt=0)


def open_sequence(folder: Path) -> Source:
    """Opens the pictures of a sequence's folder, to be read in the order of their numbers from 1.

    Raises:
        CannotOpen: it is not a sequence, or one of its pictures is missing.
    """
    info = _read(folder / INFO)
    pictures = folder / info.pictures
    for number in range(1, info.length + 1):
        picture = pictures / f"{number:06}{info.extension}"
        if not picture.is_file():
            raise CannotOpen(_("{path}: there is no such picture; {info} promises it").format(path=picture, info=INFO))
    pattern = str(pictures).replace("%", "%%") + f"/%06d{info.extension}"
    options = {"framerate": str(info.frames_a_s), "start_number": "1"}
    try:
        return Source(av.open(pattern, format="image2", options=options), str(folder))
    except (av.error.FFmpegError, OSError, ValueError):
        raise CannotOpen(_("{path}: its pictures cannot be read").format(path=pictures)) from None


def _read(path: Path) -> _Info:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign] # keys are told apart by their capitals
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise CannotOpen(_("{path}: too large for what it should be").format(path=path))
        parser.read_string(path.read_text(encoding="utf-8-sig"))
        return _Info.model_validate(dict(parser["Sequence"]))
    except OSError:
        expected = _("{path}: cannot be read; a folder is expected to be a MOT Challenge sequence with seqinfo.ini")
        raise CannotOpen(expected.format(path=path)) from None
    except (UnicodeDecodeError, configparser.Error, KeyError):
        raise CannotOpen(_("{path}: expected a section [Sequence] with keys and values").format(path=path)) from None
    except ValidationError as error:
        raise CannotOpen(f"{path}: {explain(error)}") from None
