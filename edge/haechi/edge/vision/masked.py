"""Hiding user and password of every address in a text, before it goes into a log, a status or an error."""

from __future__ import annotations

import re

# Up to the last @ of a word: a password may hold / and @, and too much is hidden rather than too little.
_LOGIN = re.compile(r"//\S*@")


def masked(text: str) -> str:
    """The text with user and password of every address in it hidden."""
    return _LOGIN.sub("//***@", text)
