"""The table of variables in each role's README, made from the role's ``meta/argument_specs.yml``.

As a program: ``python tests/integration/install/variables.py`` writes the tables anew; a test fails when they differ.
"""

import re
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).parents[3] / "ansible/roles"
_TABLE = re.compile(r"(<!-- made from meta/argument_specs.yml -->\n).*?(<!-- end -->)", re.DOTALL)


def options(role: Path) -> dict[str, dict[str, Any]]:
    """Return every variable of a role with its specification."""
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    return {name: option for spec in specs.values() for name, option in spec["options"].items()}


def with_table(role: Path) -> str:
    """Return the README of a role as it should be."""
    rows = ["| variable | type | default | meaning |", "| --- | --- | --- | --- |"]
    rows += [_row(name, option) for name, option in sorted(options(role).items())]
    table = "\n".join(rows) + "\n"
    return _TABLE.sub(
        lambda match: f"{match[1]}\n{table}\n{match[2]}", (role / "README.md").read_text(encoding="utf-8")
    )


def _row(name: str, option: dict[str, Any]) -> str:
    kind = option["type"] + (f" of {option['elements']}" if "elements" in option else "")
    default = "**required**" if option.get("required") else f"`{option.get('default', '')!r}`".replace("'", '"')
    description = option["description"]
    meaning = " ".join(description) if isinstance(description, list) else description
    if "choices" in option:
        meaning += " One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."
    if "options" in option:
        meaning += " Keys: " + ", ".join(f"`{key}`" for key in option["options"]) + "."
    meaning = re.sub(r"C\((\[?\[?[^()]*\]?\]?)\)", r"`\1`", meaning)
    return f"| `{name}` | {kind} | {default} | {meaning} |".replace("||", "|")


def main() -> None:
    """Write the tables of all roles."""
    for role in sorted(ROLES.iterdir()):
        (role / "README.md").write_text(with_table(role), encoding="utf-8")


if __name__ == "__main__":
    main()
