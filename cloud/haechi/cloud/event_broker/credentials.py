"""Who may enter the embedded broker: gateways by a password that lasts, the cloud by a secret of this run alone.

The gateways' password is made at the first start and kept in a file that only its owner can read; a person may write
another one into it. It reaches the disk whole or not at all, so that no kill leaves an empty one.
"""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from haechi.command import UsageError
from haechi.text import _

CLOUD, GATEWAY = "cloud", "gateway"
"""User names."""
_FILE = "broker.password"
_LENGTH_MAX = 1000


@dataclass(frozen=True, slots=True)
class Credentials:
    """The two passwords, and where gateways find theirs."""

    file: Path
    gateway: str = field(repr=False)
    cloud: str = field(repr=False)


def credentials(folder: Path) -> Credentials:
    """Read the gateways' password, or make it; draw the cloud's.

    Raises:
        OSError: the file cannot be read or made.
        UsageError: what stands in it cannot be a password.
    """
    file = folder / _FILE
    try:
        password = file.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        password = secrets.token_urlsafe(24)
        write_private(file, password + "\n")
    if not password or len(password) > _LENGTH_MAX or not password.isascii() or not password.isprintable():
        raise UsageError(
            _(
                "{file}: expected a password, one line of letters, digits and signs; remove the file to have one made"
            ).format(file=file)
        )
    return Credentials(file, password, secrets.token_urlsafe(24))


def write_private(file: Path, content: str) -> None:
    """Write a file that only its owner can read; durable and whole, whatever happens meanwhile."""
    new = file.with_name(file.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    new.rename(file)
