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
    """Only for records read back from a device's own memory: its record time, µs since 1970-01-01 UTC. The datastream
    declares ``device_time``, and the clock behind it with its zone (``device_clock``); where the device says that its
    clock was not set, the values are uncertain."""
    cursor: str | None = None
    """Since SDK 1.1. Where reading resumes once this sample is durable: everything up to it is behind that point. The
    gateway commits it together with the values and gives it back as :attr:`haechi.sdk.Host.cursor`."""
    history: bool = False
    """Since SDK 1.1. True for what a device gives of the past, such as the hours for which nobody read it: it is
    stored, and no rule raises an alarm on it."""
