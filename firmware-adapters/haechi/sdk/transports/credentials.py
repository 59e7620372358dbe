"""Passwords and certificates for devices on the network, read from files; verification is never off.

What is read here never stands in an error: a text names the key and the file, not what is in it.
"""

import ipaddress
import ssl
from collections.abc import Collection
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import Field

from haechi.sdk.errors import ConfigError, wrong
from haechi.text import _

_SECRET_BYTES_MAX = 4096

UserName = Annotated[str | None, Field(min_length=1, max_length=255, description="User name there.")]
PasswordFile = Annotated[
    str | None, Field(min_length=1, max_length=255, description="File whose first line is the password.")
]
CaFile = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=255,
        description="PEM file of the authority that the certificate there is of, or of that certificate itself; "
        "the machine's authorities when absent.",
    ),
]
"""Keys of every configuration that logs in somewhere; each says ``= None``."""


def parts_of(key: str, url: str, schemes: Collection[str]) -> SplitResult | None:
    """Return the parts of a URL that names a host in one of ``schemes``; None for any other.

    Raises:
        PydanticCustomError: it holds a user or a password, which is not shown.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that do not match
        parts = None
    if "@" in (url if parts is None else parts.netloc):
        raise wrong(key, "***", _("no user and no password; use username and password_file"))
    try:
        sound = parts is not None and parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # no port, or none that can be
        sound = False
    return parts if sound else None


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` is this machine, so that nobody can read along."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def secret_in(key: str, path: str) -> str:
    """Return the first line of the file ``path``, which the configuration's ``key`` names.

    Raises:
        ConfigError: it cannot be read, is empty, or is no text.
    """
    try:
        with Path(path).open("rb") as file:
            read = file.read(_SECRET_BYTES_MAX)
        lines = read.decode("utf-8").splitlines()
    except OSError as error:
        expected = _("a file that can be read ({reason})").format(reason=error.strerror)
        raise ConfigError(key, path, expected) from None
    except UnicodeDecodeError:
        raise ConfigError(key, path, _("a text file")) from None
    if not lines or not lines[0]:
        raise ConfigError(key, path, _("the secret in its first line"))
    return lines[0]


def tls_context(ca_file: str | None, cert_file: str | None, key_file: str | None) -> ssl.SSLContext:
    """Return how to encrypt and whom to trust: ``ca_file``, or the machine's own authorities.

    Raises:
        ConfigError: a certificate or key is missing, unreadable, or not one.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (ssl.SSLError, OSError) as error:
        expected = _("a PEM certificate ({reason})").format(reason=_reason(error))
        raise ConfigError("ca_file", ca_file, expected) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert_file is not None:
        try:
            # A key that wants a passphrase must not make the gateway wait at a terminal that nobody sees.
            context.load_cert_chain(cert_file, key_file, password="")
        except (ssl.SSLError, OSError, ValueError) as error:
            expected = _("a PEM certificate and, in key_file, its key ({reason})").format(reason=_reason(error))
            raise ConfigError("cert_file", cert_file, expected) from None
    return context


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
