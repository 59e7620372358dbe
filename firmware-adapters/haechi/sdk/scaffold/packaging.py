"""The files that make an adapter's folder a project of its own, found by entry point like any other."""


def project_files(name: str, class_name: str, licence: str) -> dict[str, str]:
    """Return the files around the folder ``name``, by path."""
    pyproject = f'''[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "haechi-adapter-{name.replace("_", "-")}"
version = "0.1.0"
description = "A Haechi adapter for {name}."
readme = "{name}/README.md"
license = "{licence}"
requires-python = ">=3.11"
dependencies = ["haechi>=0.1,<2"]

[project.optional-dependencies]
test = ["haechi[sdk]"]

[project.entry-points."haechi.adapters"]
{name} = "{name}.adapter:{class_name}"

[tool.hatch.build.targets.wheel]
packages = ["{name}"]

[tool.pytest.ini_options]
addopts = ["--import-mode=importlib"]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
pythonpath = ["."]
'''
    return {"pyproject.toml": pyproject, ".gitignore": "__pycache__/\n*-check/\ndist/\n"}
