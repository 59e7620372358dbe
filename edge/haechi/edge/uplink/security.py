"""Passwords and certificates, read from files; one clear line where one is unusable. Verification is never off."""

import ssl
from pathlib import Path

from haechi.edge.config import Uplink
from haechi.edge.uplink import UplinkSettingsError
from haechi.text import _


def tls_context(settings: Uplink) -> ssl.SSLContext | None:
    """Return how to encrypt and whom to trust; None for a plain connection.

    Raises:
        UplinkSettingsError: a certificate or key is missing, unreadable, or not one.
    """
    if not settings.tls:
        return None
    if settings.ca_file is not None:
        _readable("ca_file", settings.ca_file)
    try:
        context = ssl.create_default_context(cafile=None if settings.ca_file is None else str(settings.ca_file))
    except (ssl.SSLError, OSError) as error:
        raise UplinkSettingsError(
            _("uplink.ca_file = {path}: is not a PEM certificate ({reason})").format(
                path=settings.ca_file, reason=_reason(error)
            )
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.cert_file is not None and settings.key_file is not None:
        _readable("cert_file", settings.cert_file)
        _readable("key_file", settings.key_file)
        try:
            # A key that wants a passphrase must not make the agent wait at a terminal that nobody sees.
            context.load_cert_chain(settings.cert_file, settings.key_file, password="")
        except (ssl.SSLError, OSError, ValueError) as error:
            raise UplinkSettingsError(
                _("uplink.cert_file = {path}: certificate and key cannot be used ({reason})").format(
                    path=settings.cert_file, reason=_reason(error)
                )
            ) from None
    return context


def password(settings: Uplink) -> str | None:
    """Return the password for the broker.

    Raises:
        UplinkSettingsError: its file cannot be read or is empty.
    """
    if settings.password_file is None:
        return None
    words = _readable("password_file", settings.password_file).splitlines()
    if not words or not words[0]:
        raise UplinkSettingsError(
            _("uplink.password_file = {path}: expected the password in its first line").format(
                path=settings.password_file
            )
        )
    return words[0]


def _readable(key: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UplinkSettingsError(
            _("uplink.{key} = {path}: cannot be read: {reason}").format(key=key, path=path, reason=error.strerror)
        ) from None
    except UnicodeDecodeError:
        raise UplinkSettingsError(_("uplink.{key} = {path}: is not a text file").format(key=key, path=path)) from None


def _reason(error: Exception) -> str:
    return error.reason or str(error) if isinstance(error, ssl.SSLError) else str(error)
