"""The Bosch Parking Lot Sensor TPS110: whether a bay is taken, and how the sensor is.

*Parking Lot Sensor | PLS, Communication Interface, Technical Description* rev. 1, V0.29.4 (27 November 2019, 19 pages),
and its predecessor rev. 3, V0.23.3 (12 pages), sections on uplink messages; each has a port of its own:

====  ===================  =====================================================================================
port  message              bytes
====  ===================  =====================================================================================
1     parking status       bit 0: 1 taken, 0 free; the others are 0. Newer firmware adds the byte of port 2
2     heartbeat, daily     the same; newer firmware adds whole degrees Celsius, signed
3     start-up             3 × 4: codes (12 bits, little endian); 3: version; 1: cause of the reset; 1: as port 1
4, 5  information, usage   nothing that is taken here
6     debug                4: time since start; 2: code (12 bits, little endian); 2: not used here; 2: number
====  ===================  =====================================================================================
"""

from collections.abc import Mapping

from haechi.contract.observations import Value
from haechi.contract.places import Step
from haechi.sdk.errors import BadReading
from haechi.sdk.payloads import Property
from haechi.text import _

_DEGREE = Step(1, 1)
_RESET_CAUSES = {1: "watchdog", 2: "power_on", 3: "system_request", 4: "other"}
_CODE_MASK = 0x0FFF
_STARTUP_BYTES = 17
_DEBUG_BYTES = (10, 11, 12)


class BoschTps110:
    """One kind of payload."""

    properties = (
        Property("occupied", "parking_occupied", "bool"),
        Property("temperature", "temperature", "number", "Cel", (_DEGREE.numerator, _DEGREE.denominator)),
        Property("debug_code", "device_code", "number", "1", (1, 1)),
        Property("firmware", "firmware_version", "text"),
        Property("reset_cause", "reset_cause", "text"),
        Property("startup_codes", "device_codes", "text"),
    )

    def values(self, port: int, payload: bytes) -> Mapping[str, Value]:
        """Return what a payload says, by the name of a property.

        Raises:
            BadReading: a TPS110 sends no such thing.
        """
        match port:
            case 1 | 2:
                return _status(payload)
            case 3:
                return _startup(payload)
            case 4 | 5:
                return {}
            case 6 if len(payload) in _DEBUG_BYTES:
                return {"debug_code": float(_code(payload[4:6]))}
        raise BadReading(
            _("{size} bytes on port {port}, which a TPS110 never sends").format(size=len(payload), port=port)
        )


def _status(payload: bytes) -> Mapping[str, Value]:
    if len(payload) not in (1, 2):
        raise BadReading(_("{size} bytes of status").format(size=len(payload)))
    values: dict[str, Value] = {"occupied": _is_taken(payload[0])}
    if len(payload) > 1:
        values["temperature"] = _DEGREE.value(int.from_bytes(payload[1:2], "big", signed=True))
    return values


def _startup(payload: bytes) -> Mapping[str, Value]:
    if len(payload) != _STARTUP_BYTES:
        raise BadReading(_("{size} bytes of start-up").format(size=len(payload)))
    codes = [_code(payload[place : place + 2]) for place in (0, 4, 8)]
    values: dict[str, Value] = {
        "occupied": _is_taken(payload[16]),
        "firmware": ".".join(str(part) for part in payload[12:15]),
        "startup_codes": " ".join(str(code) for code in codes if code),
    }
    if payload[15] in _RESET_CAUSES:
        values["reset_cause"] = _RESET_CAUSES[payload[15]]
    return values


def _is_taken(status: int) -> bool:
    if status > 1:
        raise BadReading(_("a status of {status:#04x}").format(status=status))
    return status == 1


def _code(pair: bytes) -> int:
    return int.from_bytes(pair, "little") & _CODE_MASK
