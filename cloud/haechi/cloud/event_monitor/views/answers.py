"""What all answers are made of: never changed after they were built, and long lists in pages."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item")
Scalar = bool | int | float | str


class View(BaseModel):
    """An answer; never changed after it was built."""

    model_config = ConfigDict(frozen=True)


class Page(View, Generic[Item]):
    """A part of a long list, newest first."""

    items: list[Item]
    next: str | None = Field(None, description="Cursor of the next page; null on the last one.")
