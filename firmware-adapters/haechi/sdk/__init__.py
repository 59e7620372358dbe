"""What a partner imports to write an adapter: small, and free of MQTT, storage, threads and the wall clock.

==============  ======================================================================================
module          promises
==============  ======================================================================================
``adapter``     Adapter and AdapterConfig: the interface between gateway and device code
``sample``      Sample: what one read gave
``errors``      ConfigError, NotConnected, NotDone, BadReading
``actuator``    Actuator: what a device may be told to do, with bounds and a fail-safe state
``switched``    Switched: what a person writes about a relay
``host``        Host: the clock, log and counters that the gateway lends
``clock``       monotonic pacing that a test can drive
``registry``    find_adapters, load_adapter: by entry point, loaded lazily
``framing``     bytes → frames, delimited or binary with a check sum
``transports``  serial line, Modbus TCP and RTU, SDI-12, TCP, UDP, MQTT, HTTP …
``listening``   devices behind an MQTT broker; ``little_broker`` is one for simulators
``payloads``    decoders of radio devices' payloads, found by entry point
``lateness``    which records are of the past; ``record_times`` when a device's clock was set
``units``       UCUM: whether a unit exists, and fits what is observed
``wire``        what lies below a transport: to record, to replay, to try with faults
``switchboard`` lets somebody listen to the wires of a running gateway
``wire_load``   what a schedule needs of a serial line
``isolation``   an adapter in a process of its own, within limits
``testing``     the conformance suite that every adapter inherits
``scaffold``    the folder of a new adapter
``cli``         the command ``haechi adapter``; ``commands`` does its work
==============  ======================================================================================
"""

from haechi.sdk.actuator import Actuator
from haechi.sdk.adapter import Adapter, AdapterConfig
from haechi.sdk.clock import Clock, MonotonicClock
from haechi.sdk.errors import AdapterError, BadReading, ConfigError, NotConnected, NotDone
from haechi.sdk.host import Host
from haechi.sdk.registry import find_adapters, load_adapter
from haechi.sdk.sample import Sample

__all__ = [
    "Actuator",
    "Adapter",
    "AdapterConfig",
    "AdapterError",
    "BadReading",
    "Clock",
    "ConfigError",
    "Host",
    "MonotonicClock",
    "NotConnected",
    "NotDone",
    "Sample",
    "find_adapters",
    "load_adapter",
]
