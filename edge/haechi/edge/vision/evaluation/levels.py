"""Reads a camera's gauges in single pictures, and compares them with what somebody read by eye.

Promise: every picture is judged as if it were the only one, so none helps another; what is doubted is told with its
reason and is never counted as right.

A truth is written by hand, rows as fractions of the picture's height from its top::

    [[level]]
    picture = "river-18-00.jpg"
    row = 0.457              # or level_m = 0.85
    gauge = "staff"          # optional: it holds for all of the camera's gauges
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from haechi.edge.config_file import explain
from haechi.edge.vision.config import CameraConfig, GaugeConfig
from haechi.edge.vision.evaluation.truth import TruthError
from haechi.edge.vision.masking import Masks
from haechi.edge.vision.picture import Decoded
from haechi.edge.vision.stills import decoded, pictures
from haechi.edge.vision.water.watch import read
from haechi.edge.vision.water.waterline import Waterline
from haechi.text import _

ERROR_MAX = 0.03
"""Of the picture's height: a level further off is wrong."""


class LevelTruth(BaseModel):
    """Where the water stood in one picture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    picture: str = Field(min_length=1, max_length=255)
    gauge: str | None = None
    row: float | None = Field(None, ge=0, le=1)
    level_m: float | None = Field(None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        if (self.row is None) == (self.level_m is None):
            raise ValueError(_("expected row or level_m, one of them"))
        return self


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    level: tuple[LevelTruth, ...] = Field(min_length=1, max_length=100_000)


class Judged(NamedTuple):
    """One gauge in one picture; rows are fractions of the picture's height from its top."""

    picture: str
    gauge: str
    level_m: float | None
    row: float | None
    doubt: str | None
    true_row: float | None

    @property
    def error(self) -> float | None:
        """How far off a sure level is, a fraction of the picture's height."""
        return None if self.row is None or self.true_row is None else abs(self.row - self.true_row)


def read_truth(path: Path) -> tuple[LevelTruth, ...]:
    """Reads a truth.

    Raises:
        TruthError: it is not there or is none.
    """
    try:
        return _Written.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig"))).level
    except OSError as error:
        raise TruthError(_("{path}: cannot be read: {reason}").format(path=path, reason=error.strerror)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TruthError(_("{path}: is not TOML: {reason}").format(path=path, reason=error)) from None
    except ValidationError as error:
        raise TruthError(f"{path}: {explain(error)}") from None


def listed(paths: Iterable[Path]) -> list[Path]:
    """The pictures that are named, those of a folder by name.

    Raises:
        TruthError: there are none.
    """
    found: list[Path] = []
    for path in paths:
        try:
            found += sorted(pictures(path)) if path.is_dir() else [path]
        except OSError as error:
            raise TruthError(_("{path}: cannot be read: {reason}").format(path=path, reason=error.strerror)) from None
    if not found:
        raise TruthError(_("there are no pictures (.jpg, .jpeg, .png)"))
    return found


def judge(camera: CameraConfig, paths: Sequence[Path], truth: Sequence[LevelTruth] = ()) -> list[Judged]:
    """Reads every gauge in every picture.

    Raises:
        TruthError: a file is no picture, or the camera has no gauge.
    """
    if not camera.gauges:
        raise TruthError(_("camera {camera} has no gauges").format(camera=camera.id))
    known = {(entry.picture, entry.gauge): entry for entry in truth}
    masks = Masks(camera.masks)
    judged = []
    for path in paths:
        try:
            frame = decoded(path.read_bytes())
        except OSError as error:
            raise TruthError(_("{path}: cannot be read: {reason}").format(path=path, reason=error.strerror)) from None
        if frame is None:
            raise TruthError(_("{path}: is not a picture (JPEG or PNG)").format(path=path))
        picture = Decoded(frame, masks)
        for gauge in camera.gauges:
            true = known.get((path.name, gauge.name), known.get((path.name, None)))
            judged.append(_judged(path.name, gauge, read(picture, gauge), true))
    return judged


def report(judged: Sequence[Judged]) -> dict[str, Any]:
    """What JSON is made of; keys as the manual has them."""
    errors = [one.error for one in judged if one.error is not None]
    return {
        "pictures": [
            {
                "picture": one.picture,
                "gauge": one.gauge,
                "level_m": one.level_m,
                "quality": "good" if one.doubt is None else "uncertain",
                "doubt": one.doubt,
                "row": _rounded(one.row),
                "true_row": _rounded(one.true_row),
                "error": _rounded(one.error),
            }
            for one in judged
        ],
        "told": sum(one.doubt is None for one in judged),
        "uncertain": sum(one.doubt is not None for one in judged),
        "with_truth": sum(one.true_row is not None for one in judged),
        "right": sum(error <= ERROR_MAX for error in errors),
        "wrong": sum(error > ERROR_MAX for error in errors),
        "error_max": _rounded(max(errors, default=None)),
    }


def _judged(picture: str, gauge: GaugeConfig, found: Waterline, truth: LevelTruth | None) -> Judged:
    top, bottom = gauge.a[1], gauge.b[1]
    row = level_m = true_row = None
    if found.at is not None:
        row = top + found.at * (bottom - top)
        level_m = round(gauge.a_m + found.at * (gauge.b_m - gauge.a_m), 3)
    if truth is not None:
        true_row = truth.row
        if truth.level_m is not None:
            true_row = top + (truth.level_m - gauge.a_m) / (gauge.b_m - gauge.a_m) * (bottom - top)
    return Judged(picture, gauge.name, level_m, row, None if found.doubt is None else found.doubt.value, true_row)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
