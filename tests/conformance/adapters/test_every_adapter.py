"""Every adapter in this repository is found by entry point and judged by the conformance suite."""

import importlib
import pkgutil
import tomllib
from pathlib import Path

import haechi.adapters
from haechi.sdk import find_adapters, load_adapter
from haechi.sdk.testing import AdapterConformance
from haechi.sdk.testing.rules import RULES


def test_every_folder_is_installed_and_judged() -> None:
    folders = {module.name for module in pkgutil.iter_modules(haechi.adapters.__path__)}
    assert folders
    assert folders <= set(find_adapters())
    for name in folders:
        tests = importlib.import_module(f"haechi.adapters.{name}.test_adapter")
        suites = [one for one in vars(tests).values() if isinstance(one, type) and issubclass(one, AdapterConformance)]
        assert load_adapter(name) in [getattr(suite, "adapter", None) for suite in suites]


def test_every_folder_is_judged_by_every_rule() -> None:
    folders = [Path(path) for path in haechi.adapters.__path__]
    judged = [path for folder in folders for path in sorted(folder.glob("*/conformance.toml"))]
    assert judged
    for path in judged:
        missing = {name for name, rule in RULES.items() if not rule.where} - set(
            tomllib.loads(path.read_text(encoding="utf-8"))["rules"]
        )
        assert not missing, f"{path.parent.name}/conformance.toml does not judge {', '.join(sorted(missing))}"


def test_every_folder_is_in_the_guide() -> None:
    guide = (Path(__file__).parents[3] / "docs/adapters.md").read_text(encoding="utf-8")
    table = guide.partition("## What is here already")[2].partition("\n## ")[0]
    for module in pkgutil.iter_modules(haechi.adapters.__path__):
        assert f"| [`{module.name}`](../firmware-adapters/haechi/adapters/{module.name}/README.md) |" in table
