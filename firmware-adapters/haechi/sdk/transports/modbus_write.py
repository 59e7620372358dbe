"""Writing one coil or one holding register over Modbus/TCP, for adapters that declare actuators. Since SDK 1.1.

Everything else in these transports only reads. What may be written is named when the writer is made: outputs, one by
one, so that a register that configures the device cannot be written by any value of any command; unit 0, which a
gateway to a serial bus sends to everybody, is refused. A write is sent once, over a connection of its own, and is done
only when the device has repeated it (*MODBUS Application Protocol Specification V1.1b3*, clauses 6.5 and 6.6).
"""

import asyncio
import struct
from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple

from haechi.sdk.errors import BadReading, NotConnected, NotDone
from haechi.sdk.transports.modbus_frames import TcpFrame, take_tcp_frame, tcp_frame
from haechi.sdk.wire import wire
from haechi.text import _

_REQUEST = struct.Struct(">BHH")
_COIL, _REGISTER = 5, 6
_ON, _OFF = 0xFF00, 0x0000
_EXCEPTION_BIT = 0x80
_NOTHING_DONE = frozenset({1, 2, 3, 6, 10})
"""Exceptions that tell for certain that nothing was written: the others say that it was begun, or say nothing."""


class Coil(NamedTuple):
    """An output of one bit, by its zero-based protocol address."""

    address: int


class Register(NamedTuple):
    """An output of sixteen bits, by its zero-based protocol address."""

    address: int


Output = Coil | Register


class ModbusWriter:
    """Writes the outputs of one device, and nothing else of it."""

    def __init__(self, host: str, port: int, unit: int, outputs: Collection[Output], *, timeout_s: float) -> None:
        """Keep the address; nothing is opened before a write.

        Args:
            host: name or address.
            port: TCP port.
            unit: unit identifier, 1 to 255.
            outputs: what may be written.
            timeout_s: how long a whole write may take.

        Raises:
            ValueError: the unit is the one that stands for all of them.
        """
        if not 1 <= unit <= 255:
            raise ValueError(_("unit {unit}: expected 1 to 255; a broadcast is never sent").format(unit=unit))
        self.name = f"{host}:{port}" if ":" not in host else f"[{host}]:{port}"
        # By type and address: both kinds of output are tuples of one number.
        self._outputs = frozenset((type(one), one.address) for one in outputs)
        self._unit, self._timeout_s = unit, timeout_s
        self._transaction = 0

    async def write(self, output: Output, value: bool | int) -> None:
        """Write once; return when the device has confirmed it.

        Raises:
            NotDone: it is no output, the device is not there, or it refused: nothing has changed.
            NotConnected: it was sent and not confirmed: nobody knows.
            BadReading: something else was answered: nobody knows.
        """
        pdu = self._pdu(output, value)
        try:
            async with asyncio.timeout(self._timeout_s):
                host, _colon, port = wire().leads_to(self.name).rpartition(":")
                reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except (OSError, TimeoutError) as error:
            why = getattr(error, "strerror", None) or _("no answer in time")
            raise NotDone(_("{name} cannot be reached ({why})").format(name=self.name, why=why)) from None
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._exchange(reader, writer, pdu)
        except (OSError, TimeoutError):
            raise NotConnected(_("{name} has not confirmed a write").format(name=self.name), 1.0) from None
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        self._check(pdu, answer)

    def _pdu(self, output: Output, value: bool | int) -> bytes:
        if (type(output), output.address) not in self._outputs:
            raise NotDone(_("{output} is no output of this device").format(output=output))
        if isinstance(output, Coil):
            if not isinstance(value, bool):
                raise NotDone(_("{output}: expected true or false").format(output=output))
            return _REQUEST.pack(_COIL, output.address, _ON if value else _OFF)
        if isinstance(value, bool) or not 0 <= value <= 0xFFFF:
            raise NotDone(_("{output}: expected 0 to 65535").format(output=output))
        return _REQUEST.pack(_REGISTER, output.address, value)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pdu: bytes) -> TcpFrame:
        self._transaction = self._transaction % 0xFFFF + 1
        writer.write(tcp_frame(self._transaction, self._unit, pdu))
        await writer.drain()
        came = bytearray()
        while (frame := take_tcp_frame(came)) is None:
            data = await reader.read(256)
            if not data:
                raise ConnectionResetError
            came += data
        return frame

    def _check(self, pdu: bytes, answer: TcpFrame) -> None:
        ours = (answer.transaction, answer.unit) == (self._transaction, self._unit)
        if ours and answer.pdu == pdu:
            return
        if ours and len(answer.pdu) == 2 and answer.pdu[0] == pdu[0] | _EXCEPTION_BIT:
            what = _("{name} refuses a write (exception {code})").format(name=self.name, code=answer.pdu[1])
            if answer.pdu[1] in _NOTHING_DONE:
                raise NotDone(what)
            raise NotConnected(what, 1.0)
        raise BadReading(_("{name} confirms something else than what was written").format(name=self.name))
