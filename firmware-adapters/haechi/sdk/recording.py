"""Recorded bytes of a device, with where they come from and what they mean: ``recordings/*.toml``."""

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Expected(BaseModel):
    """One value that the recorded bytes say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    property: str
    value: float | bool | str


class Passage(BaseModel):
    """What passed the wire at one time, in one direction."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    way: Literal["came", "sent"] = Field(description="came: from the device; sent: to it.")
    after_ms: int = Field(ge=0, le=3_600_000, description="How long after the passage before it.")
    hex: str = Field(description="The bytes in hexadecimal.")
    address: str = Field(default="", description="Which of several wires.")

    @property
    def data(self) -> bytes:
        """The bytes."""
        return bytes.fromhex(self.hex)


class Recording(BaseModel):
    """One recording."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provenance: str = Field(min_length=20, description="Device and firmware, or document and clause, and when.")
    config: dict[str, Any] = Field(description="The [device.config] that it was recorded with.")
    hex: str = Field(description="The bytes in hexadecimal; spaces and line ends do not matter.")
    expected: tuple[Expected, ...] = Field(description="What they say, in order.")
    licence: str = Field(default="", max_length=64, description="SPDX identifier of the licence of these bytes.")
    wire: tuple[Passage, ...] = Field(default=(), description="The same bytes with what was asked, and when.")
    check_field: bool = Field(description="Whether the protocol has a check field, so that damage must be noticed.")

    @property
    def data(self) -> bytes:
        """The recorded bytes."""
        return bytes.fromhex(self.hex)

    @property
    def values(self) -> list[tuple[str, float | bool | str]]:
        """Property and value, in order."""
        return [(expected.property, expected.value) for expected in self.expected]


def load_recordings(folder: Path) -> dict[str, Recording]:
    """Return the recordings in ``folder/recordings`` by file name."""
    return {
        path.name: Recording.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        for path in sorted((folder / "recordings").glob("*.toml"))
    }
