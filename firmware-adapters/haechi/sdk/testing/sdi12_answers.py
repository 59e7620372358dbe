"""SDI-12 answers in a recording → what a recorder would hand to an adapter, and what the adapter makes of it."""

from typing import Any

from haechi.contract.observations import Value
from haechi.sdk.errors import BadReading
from haechi.sdk.testing.peers import told
from haechi.sdk.transports import sdi12_frames as frames
from haechi.sdk.transports.sdi12_poll import Sdi12Polled


def values_in(adapter: Sdi12Polled[Any], data: bytes) -> list[tuple[str, Value]]:
    """Return property and value of what ``adapter`` emits for recorded data lines, in order; nothing for damage.

    A recording holds the answers to aD0! and after, each with its line end, and nothing else.
    """
    config = adapter.config
    *lines, rest = data.split(b"\r\n")
    try:
        if rest or not lines:
            return []
        values = [value for line in lines for value in frames.values(line, config.address, with_crc=config.crc)]
        sample = adapter.sample_of(values)
    except BadReading:
        return []
    return told(sample)
