"""The shipped description of a model: models/<name>/model.toml, and the files beside it."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from haechi.edge.vision.models.errors import ModelError
from haechi.text import _

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[str, Field(pattern=r"^[0-9]+x[0-9]+$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Package(_Model):
    """A package of the npm registry."""

    name: str
    version: str
    tarball_bytes: int


class SourceFile(_Model):
    """One file of the package."""

    path: str
    bytes: int
    sha256: Sha256


class InputSizes(_Model):
    """Picture sizes as height x width in pixels."""

    sizes: tuple[Size, ...]
    source_size: Size


class Agreement(_Model):
    """How near the stored output vectors a model must come."""

    fp32_worst: float
    int8_score_mean: float
    int8_side_mean_cells: float


class ModelCard(_Model):
    """A model that ships with the product (its description, not its weights)."""

    name: str
    title: str
    licence: str
    origin: str
    package: Package
    files: tuple[SourceFile, ...]
    input: InputSizes
    agreement: Agreement
    folder: Path

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Ranges of the activations, for quantising."""
        content = json.loads((self.folder / "ranges.json").read_text(encoding="utf-8"))
        return {name: (low, high) for name, (low, high) in content["ranges"].items()}

    def recipe(self, revision: int) -> str:
        """Names what comes out of this card and the `revision` of the code that prepares it."""
        digest = hashlib.sha256(f"{revision}".encode())
        for name in ("model.toml", "ranges.json"):
            digest.update((self.folder / name).read_bytes())
        return digest.hexdigest()[:12]


def shipped_folder() -> Path:
    """The folder of model cards: beside the package in an installed wheel, at the top of a checkout."""
    here = Path(__file__).resolve()
    # …/haechi/edge/vision/models/card.py: the package root is three levels up, a checkout's top two more.
    for folder in (here.parents[3] / "models", here.parents[5] / "models"):
        if folder.is_dir():
            return folder
    raise ModelError(_("the folder of model cards is missing from this installation; install haechi again"))


def shipped() -> dict[str, ModelCard]:
    """All shipped cards by name."""
    cards = {}
    for path in sorted(shipped_folder().glob("*/model.toml")):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        cards[content["name"]] = ModelCard(folder=path.parent, **content)
    return cards


def card(name: str) -> ModelCard:
    """The card of one model.

    Raises:
        ModelError: there is none of that name.
    """
    cards = shipped()
    if name not in cards:
        raise ModelError(
            _("model {name}: not known; known are {known}").format(name=name, known=", ".join(sorted(cards)))
        )
    return cards[name]


def height_width_px(size: str) -> tuple[int, int]:
    """Reads a size such as `256x416`."""
    height, width = size.split("x")
    return int(height), int(width)
