"""What the kernel says of another process, asked while that process may be ending."""

from pathlib import Path


def is_alive(process: int) -> bool:
    """Whether a process runs; one that is dead and only not reaped does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # no such file, or (read while it goes) no such process
        return False


def command_line(process: int) -> list[str]:
    """Return the words a process was started with; none when it is gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []
