"""A sample: what one read of a device gave, before the gateway puts its time on it."""

from msgspec import Struct

from haechi.contract.observations import Quality, Value


class Sample(Struct, frozen=True, gc=False):
    """Values that were read together; the gateway stamps them with its clock in the moment they are yielded.

    So yield a sample as soon as it is read. What a device did not say is left out, never invented: a register without
    a value is missing from ``datastreams``.
    """

    datastreams: tuple[str, ...]
    """Full ids, ``device.property``. The same tuple object for the same block, again and again, costs least."""
    values: tuple[Value, ...]
    """One value a datastream, in the same order. Floats are finite."""
    qualities: tuple[Quality, ...] | None = None
    """One quality a datastream; None means that all are good."""
    device_time_us: int | None = None
    """Only for records read back from a device's own memory: its record time, µs since 1970-01-01 UTC."""
