"""What is known about a clip: crossings and quiet times (TOML), or every person's box (MOT Challenge ``gt.txt``).

A TOML truth is written by hand::

    [[line]]
    name = "footpath"
    a = [0.35, 0.0]
    b = [0.35, 1.0]          # forward crosses from the left of a→b to its right
    forward = 14
    backward = 10
    times = [3.2, 7.9]       # optional: seconds into the clip, or {forward = […], backward = […]}

    [[quiet]]                # no event may occur
    name = "empty street"

A MOT Challenge truth has lines of ``frame, id, left, top, width, height, flag, class, visibility`` (2016 and later) or
of ten columns without a class (2015); frames and pixels count from 1. Persons are those with class 1 (or no class) and
a flag that is not 0. Classes 2, 7, 8 and 12 (on a vehicle, static, distractor, reflection) are neither asked for nor
counted as false, as the benchmark does it; other classes are left out.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from haechi.edge.config_file import explain
from haechi.edge.vision.config import Corner, Labels
from haechi.edge.vision.geometry import Box
from haechi.edge.vision.labels import LABELS
from haechi.text import _

_BYTES_MAX = 256 * 1024 * 1024
_PERSON = 1
_NEITHER = frozenset({2, 7, 8, 12})
_COLUMNS_WITH_CLASS = frozenset({8, 9})
_COLUMNS_MIN = 7

Second = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class TruthError(Exception):
    """The truth cannot be used as written; the text is the one line to show."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Times(_Model):
    """When objects crossed, by direction."""

    forward: tuple[Second, ...] = ()
    backward: tuple[Second, ...] = ()


class LineTruth(_Model):
    """How often a line was crossed."""

    name: str = Field(min_length=1, max_length=200)
    a: Corner | None = None
    b: Corner | None = None
    forward: int = Field(ge=0)
    backward: int = Field(ge=0)
    times: tuple[Second, ...] | Times | None = None
    classes: Labels = LABELS


class QuietTruth(_Model):
    """A stretch of the clip in which no event may occur; all of it when nothing else is said."""

    name: str = Field("quiet", min_length=1, max_length=200)
    from_s: Second = 0.0
    to_s: Second | None = None

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.to_s is not None and self.to_s <= self.from_s:
            raise ValueError(_("expected from_s to lie before to_s"))
        return self


class _Written(_Model):
    line: tuple[LineTruth, ...] = Field((), max_length=32)
    quiet: tuple[QuietTruth, ...] = Field((), max_length=32)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        names = [line.name for line in self.line]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(_("line: the name {name} is used twice").format(name=min(twice)))
        if not self.line and not self.quiet:
            raise ValueError(_("expected [[line]] or [[quiet]] entries"))
        return self


class TruthBox(NamedTuple):
    """One person in one frame."""

    id: int
    box_px: Box
    """Pixels from 0, as the file has them, parts outside the picture included."""
    asked: bool
    """False for what is neither a miss when not found nor false when found."""


class Truth(NamedTuple):
    """All that is known about a clip."""

    lines: tuple[LineTruth, ...] = ()
    quiet: tuple[QuietTruth, ...] = ()
    frames: dict[int, list[TruthBox]] | None = None
    """Boxes by frame number from 1; None when boxes are not known. A frame that is missing holds nobody."""


def read(path: Path) -> Truth:
    """Reads a truth: TOML when the name ends so, else MOT Challenge.

    Raises:
        TruthError: it is not there or is neither.
    """
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise TruthError(
                _("{path}: is too large for a truth; the limit is {limit} MB").format(
                    path=path, limit=_BYTES_MAX // 1024**2
                )
            )
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TruthError(_("{path}: cannot be read: {reason}").format(path=path, reason=error.strerror)) from None
    except UnicodeDecodeError:
        raise TruthError(_("{path}: is not a text file in UTF-8").format(path=path)) from None
    return _read_toml(path, text) if path.suffix.lower() == ".toml" else Truth(frames=_read_mot(path, text))


def _read_toml(path: Path, text: str) -> Truth:
    try:
        written = _Written.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise TruthError(_("{path}: is not TOML: {reason}").format(path=path, reason=error)) from None
    except ValidationError as error:
        raise TruthError(f"{path}: {explain(error)}") from None
    return Truth(written.line, written.quiet)


def _read_mot(path: Path, text: str) -> dict[int, list[TruthBox]]:
    frames: dict[int, list[TruthBox]] = {}
    asked_in: dict[int, set[int]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            values = [float(value) for value in line.split(",")]
            frame, id_ = int(values[0]), int(values[1])
            left, top, width, height = values[2:6]
            sound = len(values) >= _COLUMNS_MIN and frame >= 1 and 0 < width < 1e6 and 0 < height < 1e6
            sound = sound and abs(left) < 1e6 and abs(top) < 1e6
            class_ = int(values[7]) if len(values) in _COLUMNS_WITH_CLASS else _PERSON
        except (ValueError, OverflowError, IndexError):
            sound = False
        if not sound:
            raise TruthError(
                _(
                    "{path}, line {number}: expected frame,id,left,top,width,height,flag[,class,visibility] "
                    "as MOT Challenge has it, frames counted from 1"
                ).format(path=path, number=number)
            )
        asked = class_ == _PERSON and values[6] != 0
        if asked and id_ in asked_in.setdefault(frame, set()):
            text = _("{path}, line {number}: person {id} stands twice in frame {frame}; ids tell people apart")
            raise TruthError(text.format(path=path, number=number, id=id_, frame=frame))
        if asked:
            asked_in[frame].add(id_)
        if asked or class_ in _NEITHER:
            # The benchmark counts pixels from 1.
            box = Box(left - 1, top - 1, left - 1 + width, top - 1 + height)
            frames.setdefault(frame, []).append(TruthBox(id_, box, asked))
    if not asked_in:
        raise TruthError(_("{path}: names no person; expected MOT Challenge's gt.txt").format(path=path))
    return frames
