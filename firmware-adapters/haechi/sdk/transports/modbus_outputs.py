"""What may be written to a Modbus device: outputs that are named one by one, and nothing else of it. No I/O.

A register that configures the device cannot be written by any value of any command, unless somebody names it as an
output; unit 0, which stands for everybody, is refused. (*MODBUS Application Protocol Specification V1.1b3*, clauses
6.5, 6.6 and 7; read back by clauses 6.1 and 6.3.)
"""

import struct
from collections.abc import Collection
from typing import NamedTuple

from haechi.sdk.errors import AdapterError, NotConnected, NotDone
from haechi.sdk.transports.modbus_frames import Read, Table
from haechi.text import _

EXCEPTION_BIT = 0x80
_REQUEST = struct.Struct(">BHH")
_COIL, _REGISTER = 5, 6
_ON, _OFF = 0xFF00, 0x0000
_NOTHING_DONE = frozenset({1, 2, 3, 6, 10})
"""Exceptions that tell for certain that nothing was written: the others say that it was begun, or say nothing."""


class Coil(NamedTuple):
    """An output of one bit, by its zero-based protocol address."""

    address: int


class Register(NamedTuple):
    """An output of sixteen bits, by its zero-based protocol address."""

    address: int


Output = Coil | Register


class Outputs:
    """The outputs of one device."""

    def __init__(self, unit: int, outputs: Collection[Output], *, unit_max: int = 255) -> None:
        """Keep what may be written.

        Raises:
            ValueError: the unit is the one that stands for all of them, or none.
        """
        if not 1 <= unit <= unit_max:
            what = _("unit {unit}: expected 1 to {most}; a broadcast is never sent")
            raise ValueError(what.format(unit=unit, most=unit_max))
        # By type and address: both kinds of output are tuples of one number.
        self._named = frozenset((type(one), one.address) for one in outputs)

    def request(self, output: Output, value: bool | int) -> bytes:
        """Return the PDU that writes ``value``; the device's confirmation is the same.

        Raises:
            NotDone: it is no output, or no value of it.
        """
        if (type(output), output.address) not in self._named:
            raise NotDone(_("{output} is no output of this device").format(output=output))
        if isinstance(output, Coil):
            if not isinstance(value, bool):
                raise NotDone(_("{output}: expected true or false").format(output=output))
            return _REQUEST.pack(_COIL, output.address, _ON if value else _OFF)
        if isinstance(value, bool) or not 0 <= value <= 0xFFFF:
            raise NotDone(_("{output}: expected 0 to 65535").format(output=output))
        return _REQUEST.pack(_REGISTER, output.address, value)


def read_of(output: Output) -> Read:
    """Return the read that tells how ``output`` stands."""
    return Read(Table.COIL if isinstance(output, Coil) else Table.HOLDING, output.address, 1)


def stands(output: Output, data: bytes, request: bytes) -> bool:
    """Tell whether ``data``, the answer to :func:`read_of`, says that ``output`` stands as ``request`` wrote it."""
    is_now = (data[0] & 1) * _ON if isinstance(output, Coil) else int.from_bytes(data, "big")
    written: int = _REQUEST.unpack(request)[2]
    return is_now == written


def refusal(name: str, code: int) -> AdapterError:
    """Return what the exception ``code`` to a write means: nothing has changed, or nobody knows."""
    what = _("{name} refuses a write (exception {code})").format(name=name, code=code)
    return NotDone(what) if code in _NOTHING_DONE else NotConnected(what, 1.0)
