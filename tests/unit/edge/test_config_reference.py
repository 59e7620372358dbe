"""docs/gateway.md holds the tables that the models make; how to renew them stands in the failure."""

from pathlib import Path

from haechi.edge.config_reference import tables

DOCUMENT = Path(__file__).parents[3] / "docs" / "gateway.md"


def test_the_documentation_has_every_key_as_it_is() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    _before, _mark, found = text.partition("a test compares -->\n")
    assert found == tables(), "replace what follows the mark by the output of haechi.edge.config_reference.tables()"
