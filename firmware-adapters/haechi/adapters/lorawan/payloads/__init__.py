"""What payloads of end devices mean, by the name that a configuration gives: one module a device.

Another device is one module more, and a line in ``PAYLOADS``.
"""

from types import MappingProxyType

from haechi.adapters.lorawan.payloads.bosch_tps110 import BoschTps110
from haechi.adapters.lorawan.payloads.payload import Payload, Property

PAYLOADS = MappingProxyType[str, Payload]({"bosch_tps110": BoschTps110()})
"""Name → decoder."""

__all__ = ["PAYLOADS", "Payload", "Property"]
