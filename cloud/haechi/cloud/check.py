"""``haechi cloud check-config``: everything that is wrong with the settings, before anything starts.

Changes nothing and asks no server: what it reads are the settings, the URLs, and the files that they name.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

from haechi.cloud import command_keys
from haechi.cloud.clock import now_us
from haechi.cloud.config import CloudConfig
from haechi.command import UsageError
from haechi.text import _

BASEMAP_BYTES_MAX = 256 * 1024 * 1024


def faults(config: CloudConfig) -> list[str]:
    """Return a line for each fault: key, value, what was expected."""
    found: list[str] = []
    for look in (_broker, _store, _state, _folders, _keys, _basemap):
        try:
            found.extend(look(config))
        except UsageError as error:
            found.append(str(error))
    return found


def _broker(config: CloudConfig) -> Iterator[str]:
    from haechi.cloud.addresses import broker_address

    if config.broker != "embedded":
        broker_address(config.broker)
    yield from ()


def _store(config: CloudConfig) -> Iterator[str]:
    from haechi.cloud.addresses import open_points

    yield from _database("store", config.store_url, lambda url: open_points(url, now_us, None).close())


def _state(config: CloudConfig) -> Iterator[str]:
    from haechi.cloud.state.engine import open_apart

    yield from _database("state", config.state_url, lambda url: open_apart(url, 1).dispose())


def _database(key: str, url: str, open_: Callable[[str], None]) -> Iterator[str]:
    if not url.startswith("sqlite:///"):
        open_(url)  # takes the URL apart and reads the files that it names; nothing is asked yet
        return
    path = Path(unquote(url.removeprefix("sqlite:///"))).expanduser()
    if path.is_dir() or path in (Path(), Path(":memory:")):
        yield _("{key} = {url}: expected a file, as in sqlite:////var/lib/haechi/{key}.db").format(key=key, url=url)
    else:
        yield from _writable(key, path.parent)


def _folders(config: CloudConfig) -> Iterator[str]:
    yield from _writable("data_dir", config.data_dir)
    yield from _writable("objects", config.objects_dir)


def _writable(key: str, folder: Path) -> Iterator[str]:
    """Say what keeps a folder from being made and written to."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        yield _("{key} = {folder}: {there} is no folder").format(key=key, folder=folder, there=there)
    elif not os.access(there, os.W_OK | os.X_OK):
        text = _("{key} = {folder}: {there} cannot be written to; give it to the user that the cloud runs as")
        yield text.format(key=key, folder=folder, there=there)


def _keys(config: CloudConfig) -> Iterator[str]:
    for tenant, gateway in command_keys.load(config.command_keys):
        if tenant not in config.tenants:
            text = _("command_keys: {gateway}: its city {tenant} is not served; tenants: {known}")
            yield text.format(gateway=gateway, tenant=tenant, known=", ".join(config.tenants))


def _basemap(config: CloudConfig) -> Iterator[str]:
    path = config.basemap
    if path is None:
        return
    try:
        if path.suffix not in (".geojson", ".json"):
            yield _("basemap = {path}: expected a GeoJSON file, .geojson or .json").format(path=path)
        elif path.stat().st_size > BASEMAP_BYTES_MAX:
            text = _("basemap = {path}: a browser cannot draw more than {most} MB")
            yield text.format(path=path, most=BASEMAP_BYTES_MAX // 1024**2)
        elif json.loads(path.read_bytes()).get("type") != "FeatureCollection":
            yield _("basemap = {path}: expected a FeatureCollection").format(path=path)
    except OSError as error:
        yield _("basemap = {path}: {reason}").format(path=path, reason=error.strerror)
    except (ValueError, AttributeError):
        yield _("basemap = {path}: it is not GeoJSON").format(path=path)
