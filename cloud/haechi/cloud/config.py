"""What a cloud is told before it runs: one frozen model, checked whole before anything starts.

Passwords and tokens never stand in here, only the files that hold them.
"""

import ipaddress
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, ValidationInfo, field_validator

from haechi.command import UsageError
from haechi.text import _

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

TenantId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
ShareName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class CloudConfig(BaseModel):
    """Settings of one cloud; every key may stand in the TOML file and on the command line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenants: tuple[TenantId, ...] = Field(
        ("city",),
        min_length=1,
        max_length=1000,
        description="Cities that are served here; the first is shown when none is asked for. What others send goes to "
        "the dead letters.",
    )
    data_dir: Path = Field(
        Path("~/.local/share/haechi/cloud"), description="Folder for everything that has no URL of its own."
    )
    broker: str = Field(
        "embedded",
        max_length=1000,
        description="embedded, or mqtt://USER@HOST:PORT?password_file=FILE, or mqtts://…&ca_file=FILE.",
    )
    broker_port: int = Field(
        1883, ge=0, le=65535, description="Port of the embedded broker on 127.0.0.1; 0 takes any free one."
    )
    store: str | None = Field(
        None,
        max_length=1000,
        description="sqlite:///PATH or influxdb://HOST:PORT/DATABASE?org=&token_file=&tls=&ca_file=&bucket=; "
        "points.db in the data folder when absent.",
    )
    state: str | None = Field(
        None,
        max_length=1000,
        description="sqlite:///PATH or postgresql://USER@HOST/DATABASE?password_file=FILE&ca_file=FILE; state.db in "
        "the data folder when absent.",
    )
    objects: Path | None = Field(
        None, description="Folder of the evidence pictures; objects in the data folder when absent."
    )
    share: ShareName | None = Field(
        None,
        description="Name under which several workers share what the broker has for them; they have the same broker, "
        "store, state and objects, and each a data folder of its own. Absent for one worker.",
    )
    listen: str = Field(
        "127.0.0.1:8080",
        max_length=100,
        description="Address and port of the console and the REST interface; loopback only, for it speaks plain HTTP. "
        "Port 0 takes any free one.",
    )
    retention_days: float | None = Field(
        None, gt=0, le=36500, description="Older points are refused; absent keeps everything."
    )
    basemap: Path | None = Field(None, description="GeoJSON file that is drawn under the map.")
    command_keys: Path | None = Field(
        None,
        description="TOML file that names the keys of gateways whose devices may be commanded; absent: none. See "
        "Commands to devices.",
    )

    @field_validator("data_dir", "basemap", "objects", "command_keys")
    @classmethod
    def _expand(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    @field_validator("listen")
    @classmethod
    def _loopback(cls, listen: str) -> str:
        host, port = split_listen(listen)
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(
                f"expected a loopback address such as 127.0.0.1:{port}: it speaks plain HTTP, so on a network "
                "anybody could read passwords and alarms on the way"
            )
        return listen

    @field_validator("share")
    @classmethod
    def _share_all(cls, share: str | None, others: ValidationInfo) -> str | None:
        for key in ("broker", "store", "state", "objects"):
            if share is not None and others.data.get(key, "unreadable") in (None, "embedded"):
                raise ValueError(f"workers that share need {key} as well, the same for each of them")
        return share

    @property
    def listens_at(self) -> tuple[str, int]:
        """Host and port of the console."""
        return split_listen(self.listen)

    @property
    def store_url(self) -> str:
        """Where points go."""
        return self.store or f"sqlite:///{self.data_dir / 'points.db'}"

    @property
    def objects_dir(self) -> Path:
        """Where evidence pictures are."""
        return self.objects or self.data_dir / "objects"

    @property
    def state_url(self) -> str:
        """Where the state is."""
        return self.state or f"sqlite:///{self.data_dir / 'state.db'}"


def split_listen(listen: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT`` or ``[HOST]:PORT``.

    Raises:
        ValueError: it is neither.
    """
    host, _colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if host == "localhost":
        host = "127.0.0.1"
    try:
        ipaddress.ip_address(host)
        number = int(port)
    except ValueError as error:
        raise ValueError("expected ADDRESS:PORT, such as 127.0.0.1:8080") from error
    if not 0 <= number <= 65535:
        raise ValueError(f"expected a port from 0 to 65535, not {number}")
    return host, number


def load(file: Path | None, options: Mapping[str, Any]) -> CloudConfig:
    """Return the settings of a TOML file with the command line's options over them.

    Raises:
        UsageError: one line with file, key, value and what was expected.
    """
    config, faults = read(file, options)
    if config is None:
        raise UsageError(faults[0])
    return config


def read(file: Path | None, options: Mapping[str, Any]) -> tuple[CloudConfig | None, list[str]]:
    """Return the settings, or None with a line for each fault: file, key, value and what was expected."""
    settings: dict[str, Any] = {}
    if file is not None:
        try:
            settings = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            return None, [_("{file} cannot be read: {reason}").format(file=file, reason=error)]
        except tomllib.TOMLDecodeError as error:
            return None, [_("{file} is not TOML: {reason}").format(file=file, reason=error)]
    given = {key: value for key, value in options.items() if value is not None}
    try:
        return CloudConfig.model_validate({**settings, **given}), []
    except ValidationError as error:
        return None, [_line(problem, file, given) for problem in error.errors(include_url=False)]


def _line(problem: "ErrorDetails", file: Path | None, given: Mapping[str, Any]) -> str:
    key = ".".join(str(part) for part in problem["loc"]) or "?"
    where = f"--{key.partition('.')[0].replace('_', '-')}" if key.partition(".")[0] in given else f"{file}: {key}"
    value = "" if problem["type"] in ("extra_forbidden", "missing") else f" = {str(problem['input'])[:200]!r}"
    expected = _("unknown key") if problem["type"] == "extra_forbidden" else problem["msg"]
    return f"{where}{value}: {expected.removeprefix('Value error, ')}"
