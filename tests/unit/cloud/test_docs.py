"""The table of settings in the manual is what the software has."""

from pathlib import Path

from haechi.cloud.config import CloudConfig

MANUAL = Path(__file__).parents[3] / "docs" / "cloud.md"


def settings_table() -> str:
    """Return the table as it must stand in the manual."""
    lines = ["| key | default | meaning |", "|---|---|---|"]
    for name, field in CloudConfig.model_fields.items():
        default = ", ".join(field.default) if isinstance(field.default, tuple) else field.default
        lines.append(f"| `{name}` | {'' if default is None else f'`{default}`'} | {field.description} |")
    return "\n".join(lines)


def test_every_setting_is_in_the_manual_as_it_is() -> None:
    assert f"-->\n{settings_table()}\n<!--" in MANUAL.read_text(encoding="utf-8")
