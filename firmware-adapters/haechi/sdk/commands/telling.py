"""Where the subcommands of ``haechi adapter`` speak to the terminal."""


def tell(line: str) -> None:
    """Show one line."""
    print(line, flush=True)  # noqa: T201 - the answer of the command
