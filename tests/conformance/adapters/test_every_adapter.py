"""Every adapter in this repository is found by entry point and judged by the conformance suite."""

import importlib
import pkgutil

import haechi.adapters
from haechi.sdk import find_adapters, load_adapter
from haechi.sdk.testing import AdapterConformance


def test_every_folder_is_installed_and_judged() -> None:
    folders = {module.name for module in pkgutil.iter_modules(haechi.adapters.__path__)}
    assert folders
    assert folders <= set(find_adapters())
    for name in folders:
        tests = importlib.import_module(f"haechi.adapters.{name}.test_adapter")
        suites = [one for one in vars(tests).values() if isinstance(one, type) and issubclass(one, AdapterConformance)]
        assert load_adapter(name) in [getattr(suite, "adapter", None) for suite in suites]
