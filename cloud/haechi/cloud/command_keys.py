"""The keys with which commands to gateways are sealed.

Promise: a gateway whose key is not named here is never commanded. The file itself holds no secret, only where the keys
stand.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from haechi.command import UsageError
from haechi.contract.seals import KEY_CHARACTERS_MIN
from haechi.text import _

_Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class GatewayKey(BaseModel):
    """``[[gateway]]``: the key with which commands to one gateway are sealed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenant: _Id = Field(description="Its city.")
    id: _Id = Field(description="The gateway.")
    key_file: Path = Field(description="File whose first line is the key; the gateway has the same.")


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    gateway: tuple[GatewayKey, ...] = Field(max_length=100_000)


def load(path: Path | None) -> Mapping[tuple[str, str], bytes]:
    """Return the keys by city and gateway; None is a file without any.

    Raises:
        UsageError: it cannot be read, or something in it is wrong; one line.
    """
    if path is None:
        return {}
    try:
        written = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        return {(one.tenant, one.id): _key(path.parent / one.key_file.expanduser()) for one in written.gateway}
    except OSError as error:
        where = error.filename or path
        raise UsageError(_("command_keys: {path}: {reason}").format(path=where, reason=error.strerror)) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(_("command_keys: {path}: is not TOML: {reason}").format(path=path, reason=error)) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"command_keys: {path}: {where}: {first['msg']}") from None


def _key(path: Path) -> bytes:
    with path.open(encoding="utf-8") as file:
        key = file.readline(1024).strip()
    if len(key) < KEY_CHARACTERS_MIN:
        raise UsageError(
            _("command_keys: {path}: expected a key of {count} characters or more in its first line").format(
                path=path, count=KEY_CHARACTERS_MIN
            )
        )
    return key.encode()
