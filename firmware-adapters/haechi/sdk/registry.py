"""Which adapters are installed: entry points of the group ``haechi.adapters``, each loaded only when it is asked for.

An adapter in this repository and one in a partner's own package take the same road::

    [project.entry-points."haechi.adapters"]
    acme_gauge = "acme_gauge.adapter:AcmeGauge"
"""

import importlib.metadata
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any

from haechi.sdk.adapter import Adapter, AdapterConfig
from haechi.sdk.errors import ConfigError
from haechi.text import _

GROUP = "haechi.adapters"


def find_adapters() -> dict[str, EntryPoint]:
    """Return the installed adapters by name, none of them imported yet."""
    return {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}


def load_adapter(name: str, installed: Mapping[str, EntryPoint] | None = None) -> type[Adapter[Any]]:
    """Import and return the adapter ``name``.

    Raises:
        ConfigError: no such adapter is installed, a package that it needs is missing, or it is not an adapter.
    """
    points = find_adapters() if installed is None else installed
    if name not in points:
        names = ", ".join(sorted(points)) or _("none")
        raise ConfigError("adapter", name, _("an installed adapter: {names}").format(names=names))
    try:
        loaded = points[name].load()
    except ModuleNotFoundError as error:
        expected = _("the package {package}, which this adapter needs, to be installed").format(package=error.name)
        raise ConfigError("adapter", name, expected) from error
    except (ImportError, AttributeError) as error:
        raise ConfigError("adapter", name, _("an adapter that can be imported ({why})").format(why=error)) from error
    if not _is_adapter(loaded):
        raise ConfigError("adapter", name, _("a class derived from haechi.sdk.Adapter that has a Config"))
    adapter: type[Adapter[Any]] = loaded
    return adapter


def _is_adapter(loaded: object) -> bool:
    if not isinstance(loaded, type) or not issubclass(loaded, Adapter):
        return False
    config = getattr(loaded, "Config", None)
    return isinstance(config, type) and issubclass(config, AdapterConfig)
