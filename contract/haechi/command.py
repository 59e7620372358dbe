"""The ``haechi`` command: gathers its subcommands from whatever is installed, and loads only the one that is called.

A subcommand is an entry point of the group ``haechi.commands`` whose value names a function
``register(parser)`` that fills an ``argparse.ArgumentParser`` and sets ``run`` (``Callable[[Namespace], int]``) with
``set_defaults``. The extra in brackets tells what to install when its wheels are missing.

Exit codes: 0 done, 1 it ran and found something wrong, 2 what was asked for cannot be done as it was written
(arguments, configuration, environment), 130 interrupted.
"""

import argparse
import importlib.metadata
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from haechi.text import _

GROUP = "haechi.commands"


class UsageError(Exception):
    """What the person asked for cannot be done as written; its text is the one line they are shown. Exit code 2."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code; never shows a traceback for a :class:`UsageError`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    commands = {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}
    parser = argparse.ArgumentParser(
        prog="haechi", description=_("City event gateway and integrated monitoring platform.")
    )
    parser.add_argument("--version", action="version", version=f"haechi {importlib.metadata.version('haechi')}")
    if not words or words[0] not in commands:
        subparsers = parser.add_subparsers(title=_("commands"), metavar="|".join(sorted(commands)), required=True)
        for name in sorted(commands):
            subparsers.add_parser(name, add_help=False)
        parser.parse_args(words)
        return 2
    name = words[0]
    try:
        register = _load(commands[name])
    except UsageError as error:
        return _refuse(error)
    subparser = argparse.ArgumentParser(prog=f"haechi {name}")
    register(subparser)
    namespace = subparser.parse_args(words[1:])
    try:
        code = int(namespace.run(namespace))
        sys.stdout.flush()
    except UsageError as error:
        return _refuse(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever reads this, such as `head`, has seen enough; what is left must not complain at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _load(point: importlib.metadata.EntryPoint) -> Callable[[argparse.ArgumentParser], Any]:
    try:
        loaded: Callable[[argparse.ArgumentParser], Any] = point.load()
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("haechi"):
            raise
        extra = ",".join(point.extras) or point.name
        raise UsageError(
            _("haechi {name} needs the package {package}: install haechi[{extra}]").format(
                name=point.name, package=error.name, extra=extra
            )
        ) from error
    return loaded


def _refuse(error: UsageError) -> int:
    print(f"haechi: {error}", file=sys.stderr)  # noqa: T201 - this is the one place that speaks to the terminal
    return 2


if __name__ == "__main__":
    # Run as a program this module is `__main__`; the one that everybody raises UsageError of is haechi.command.
    sys.exit(importlib.import_module("haechi.command").main())
