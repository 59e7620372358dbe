"""The subcommands of ``haechi adapter``: :mod:`.bench` works with devices, :mod:`.kit` with adapters' folders."""
