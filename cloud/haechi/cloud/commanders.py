"""Who may command devices: names, the fingerprints of their tokens, and the gateways that each may command.

Promise: without this file nobody commands anything. It holds no secret: of a token only its SHA-256, of a gateway's key
only the file that it stands in. A token is compared in constant time.
"""

import hashlib
import hmac
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from haechi.command import UsageError
from haechi.contract.seals import KEY_CHARACTERS_MIN
from haechi.text import _

_Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
_TOKEN_CHARACTERS_MIN = 32


class Commander(BaseModel):
    """``[[commander]]``: one person or program."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=128, description="Stands in the audit beside every command.")
    token_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the token, in hexadecimal.")
    tenants: tuple[_Id, ...] | None = Field(None, description="In which cities; absent: in all.")
    gateways: tuple[_Id, ...] | None = Field(None, description="Which may be commanded; absent: all.")

    def may_command(self, tenant: str, gateway: str) -> bool:
        """Tell whether this gateway of this city is one of theirs."""
        cities = self.tenants is None or tenant in self.tenants
        return cities and (self.gateways is None or gateway in self.gateways)


class GatewayKey(BaseModel):
    """``[[gateway]]``: the key with which commands to one gateway are sealed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenant: _Id = Field(description="Its city.")
    id: _Id = Field(description="The gateway.")
    key_file: Path = Field(description="File whose first line is the key; the gateway has the same.")


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    commander: tuple[Commander, ...] = Field(max_length=1000)
    gateway: tuple[GatewayKey, ...] = Field((), max_length=100_000)


class Commanders:
    """Everybody who may command, and the keys of the gateways that obey."""

    def __init__(self, known: tuple[Commander, ...] = (), keys: Mapping[tuple[str, str], bytes] | None = None) -> None:
        """Know these and nobody else; ``keys`` by city and gateway."""
        self._known, self._keys = known, dict(keys or {})

    @property
    def nobody(self) -> bool:
        """Whether commanding is switched off."""
        return not self._known

    def who(self, token: str) -> Commander | None:
        """Return whose token it is."""
        if len(token) < _TOKEN_CHARACTERS_MIN:
            return None
        fingerprint = hashlib.sha256(token.encode()).hexdigest()
        found = None
        for commander in self._known:
            if hmac.compare_digest(commander.token_sha256, fingerprint):
                found = commander
        return found

    def key(self, tenant: str, gateway: str) -> bytes | None:
        """Return the key of a gateway; None where it obeys nobody."""
        return self._keys.get((tenant, gateway))


def load(path: Path | None) -> Commanders:
    """Read the file; None is nobody.

    Raises:
        UsageError: it cannot be read, or something in it is wrong; one line.
    """
    if path is None:
        return Commanders()
    try:
        written = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        keys = {(one.tenant, one.id): _key(path.parent / one.key_file.expanduser()) for one in written.gateway}
        return Commanders(written.commander, keys)
    except OSError as error:
        where = error.filename or path
        raise UsageError(_("commanders: {path}: {reason}").format(path=where, reason=error.strerror)) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(_("commanders: {path}: is not TOML: {reason}").format(path=path, reason=error)) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"commanders: {path}: {where}: {first['msg']}") from None


def _key(path: Path) -> bytes:
    with path.open(encoding="utf-8") as file:
        key = file.readline(1024).strip()
    if len(key) < KEY_CHARACTERS_MIN:
        raise UsageError(
            _("commanders: {path}: expected a key of {count} characters or more in its first line").format(
                path=path, count=KEY_CHARACTERS_MIN
            )
        )
    return key.encode()
