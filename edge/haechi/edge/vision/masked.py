"""Secrets in addresses: hiding them before a text goes into a log, a status or an error, and filling them in.

Promise: no user and password in front of a host, none that a path or query names (``user=…_password=…``), and nothing
in a query but numbers of two digits, such as a channel's, is left by :func:`masked`. Too much is hidden rather than too
little. What an address is to hold is written ``{user}`` and ``{password}``, which are no secrets.
"""

from __future__ import annotations

import re
from urllib.parse import quote

# Up to the last @ of a word: a password may hold / and @.
_LOGIN = re.compile(r"//\S*@")
_PLACES = r"\{(?:user|password)\}"
_NAMES = r"(?<![A-Za-z])(?:pass(?:w(?:or)?d|phrase)?|pwd|psw|pw|user(?:_?name)?|usr|login(?:use|pas)?|secret|api_?key)"
# A token may as well be the name of a stream's profile: it is hidden, and not refused.
_SECRET = re.compile(rf"((?:{_NAMES}|token)=)(?!{_PLACES})\S+", re.IGNORECASE)
_SECRET_GIVEN = re.compile(rf"{_NAMES}=(?!{_PLACES})[^\s&;_/]", re.IGNORECASE)
_QUERY = re.compile(r"(://[^\s?]*\?)(\S+)")
_HARMLESS = re.compile(rf"\d{{1,2}}|{_PLACES}|")
_ANY_PLACE = re.compile(_PLACES)


def masked(text: str) -> str:
    """The text with what may be a secret in its addresses hidden."""
    text = _LOGIN.sub("//***@", text)
    text = _SECRET.sub(r"\1***", text)
    return _QUERY.sub(lambda found: found[1] + "&".join(map(_shown, found[2].split("&"))), text)


def names_a_secret(url: str) -> bool:
    """Whether the path or query of an address holds a user or password by name."""
    return _SECRET_GIVEN.search(url) is not None


def has_places(url: str) -> bool:
    """Whether user or password are to be filled in."""
    return _ANY_PLACE.search(url) is not None


def filled_in(url: str, user: str, password: str) -> str:
    """The address with user and password in their places."""
    return url.replace("{user}", quote(user, safe="")).replace("{password}", quote(password, safe=""))


def _shown(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    if not equals:
        return name if _HARMLESS.fullmatch(name) else "***"
    return parameter if _HARMLESS.fullmatch(value) else f"{name}=***"
