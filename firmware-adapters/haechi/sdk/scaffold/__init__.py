"""``haechi adapter new``: the folder of a new adapter, complete and passing its checks before the first change."""
