"""URLs that people write for broker, stores and state, taken apart and checked; what is wrong is said in one line.

No URL carries a secret: it names a file that does.
"""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

from haechi.command import UsageError
from haechi.text import _

_TRUE, _FALSE = ("1", "true", "yes"), ("0", "false", "no")


def take_apart(
    url: str, key: str, schemes: tuple[str, ...], known: tuple[str, ...], expected: str, *, needs_host: bool = True
) -> tuple[SplitResult, dict[str, str]]:
    """Return the parts of a URL and its options.

    Args:
        url: what the person wrote.
        key: the setting that it is the value of.
        schemes: what it may begin with.
        known: options that it may have; one of them names a file for a secret.
        expected: how it should look.
        needs_host: whether it must name one.

    Raises:
        UsageError: it looks otherwise.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(
            _("{key}: not a URL ({reason}); expected {expected}").format(key=key, reason=error, expected=expected)
        ) from error
    if parts.scheme not in schemes or (needs_host and not host):
        shown = f"{parts.scheme}:…" if parts.scheme else repr(url[:40])
        raise UsageError(
            _("{key}: {shown} is not understood; expected {expected}").format(key=key, shown=shown, expected=expected)
        )
    if parts.password is not None:
        raise UsageError(
            _(
                "{key}: a password does not belong into a URL, where anybody can read it; put it into a file and name "
                "the file with ?{option}=FILE"
            ).format(key=key, option=next(one for one in known if one.endswith("_file")))
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UsageError(
            _("{key}: unknown option {option!r}; expected {known}").format(
                key=key, option=unknown[0], known=", ".join(known)
            )
        )
    return parts, options


def readable_file(options: Mapping[str, str], option: str, key: str) -> Path | None:
    """Return the file that an option names; None without the option.

    Raises:
        UsageError: it cannot be read.
    """
    if not options.get(option):
        return None
    path = Path(options[option]).expanduser()
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise UsageError(
            _("{key}: {option} cannot be read: {reason}").format(key=key, option=option, reason=error)
        ) from error


def yes_or_no(options: Mapping[str, str], option: str, key: str, *, default: bool) -> bool:
    """Return whether an option is on.

    Raises:
        UsageError: it says neither.
    """
    value = options.get(option, "").lower()
    if not value:
        return default
    if value not in _TRUE + _FALSE:
        raise UsageError(
            _("{key}: {option} = {value!r}; expected true or false").format(key=key, option=option, value=value)
        )
    return value in _TRUE


def is_near(host: str) -> bool:
    """Tell whether a host is this machine itself; to any other, TLS is the default."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
