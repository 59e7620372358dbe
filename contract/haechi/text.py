"""Every text that a person reads passes through here, so that it can be translated.

``_("…")`` looks a sentence up in the gettext catalogue ``haechi`` of the user's language (``LANGUAGE``, ``LC_ALL``,
``LC_MESSAGES``, ``LANG``); without a catalogue the English sentence comes back unchanged. Log keys, metric names and
JSON fields are names, not texts, and are never translated.
"""

import gettext
from functools import cache
from pathlib import Path

LOCALES = Path(__file__).with_name("locale")


@cache
def _translation() -> gettext.NullTranslations:
    return gettext.translation("haechi", LOCALES, fallback=True)


def _(sentence: str) -> str:
    """Return ``sentence`` in the user's language, or unchanged where no translation exists."""
    return _translation().gettext(sentence)


def ngettext(one: str, many: str, count: int) -> str:
    """Return the form of a sentence that ``count`` things take in the user's language; the count is not put in yet."""
    return _translation().ngettext(one, many, count)
