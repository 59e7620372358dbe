"""Writing one coil or one holding register over Modbus/TCP, for adapters that declare actuators. Since SDK 1.1.

Everything else in these transports only reads. What may be written is named when the writer is made: outputs, one by
one, so that a register that configures the device cannot be written by any value of any command; unit 0, which a
gateway to a serial bus sends to everybody, is refused. A write is sent once, over a connection of its own, and is done
only when the device has repeated it (*MODBUS Application Protocol Specification V1.1b3*, clauses 6.5 and 6.6) and the
output, read back (clauses 6.1 and 6.3), stands as it was told.
"""

import asyncio
import struct
from collections.abc import Collection
from typing import NamedTuple

from haechi.sdk.errors import BadReading, NotConnected, NotDone
from haechi.sdk.transports.modbus_frames import Read, Table, TcpFrame, data_of, take_tcp_frame, tcp_frame
from haechi.sdk.transports.tcp_line import TcpLine
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

    def __init__(
        self,
        host: str,
        port: int,
        unit: int,
        outputs: Collection[Output],
        *,
        timeout_s: float,
        reads_back: bool = True,
    ) -> None:
        """Keep the address; nothing is opened before a write.

        Args:
            host: name or address.
            port: TCP port.
            unit: unit identifier, 1 to 255.
            outputs: what may be written.
            timeout_s: how long connecting may take, and the write with its reading back.
            reads_back: False for a device whose outputs cannot be read: then its confirmation must do.

        Raises:
            ValueError: the unit is the one that stands for all of them.
        """
        if not 1 <= unit <= 255:
            raise ValueError(_("unit {unit}: expected 1 to 255; a broadcast is never sent").format(unit=unit))
        self._line = TcpLine(host, port, timeout_s=timeout_s)
        self.name = self._line.name
        # By type and address: both kinds of output are tuples of one number.
        self._outputs = frozenset((type(one), one.address) for one in outputs)
        self._unit, self._timeout_s, self._reads_back = unit, timeout_s, reads_back
        self._transaction = 0
        self._came = bytearray()
        self._turn = asyncio.Lock()

    async def write(self, output: Output, value: bool | int) -> None:
        """Write once; return when the device has confirmed it.

        Raises:
            NotDone: it is no output, the device is not there, or it refused: nothing has changed.
            NotConnected: it was sent and not confirmed: nobody knows.
            BadReading: something else was answered, or the output stands otherwise: nobody knows.
        """
        pdu = self._pdu(output, value)
        async with self._turn:
            try:
                await self._line.open()
            except NotConnected as error:
                raise NotDone(error.what) from None
            try:
                async with asyncio.timeout(self._timeout_s):
                    self._check(pdu, await self._exchange(pdu))
                    if self._reads_back:
                        await self._look(output, pdu)
            except TimeoutError:
                raise NotConnected(_("{name} has not confirmed a write").format(name=self.name), 1.0) from None
            finally:
                self._came.clear()
                self._line.close()

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

    async def _exchange(self, pdu: bytes) -> TcpFrame:
        self._transaction = self._transaction % 0xFFFF + 1
        await self._line.write(tcp_frame(self._transaction, self._unit, pdu))
        while (frame := take_tcp_frame(self._came)) is None:
            self._came += await self._line.read()
        return frame

    async def _look(self, output: Output, pdu: bytes) -> None:
        """Read the output back, and compare it with what ``pdu`` wrote."""
        read = Read(Table.COIL if isinstance(output, Coil) else Table.HOLDING, output.address, 1)
        answer = await self._exchange(read.pdu)
        written = _REQUEST.unpack(pdu)[2]
        data = data_of(read, answer.pdu)
        stands = (data[0] & 1) * _ON if isinstance(output, Coil) else int.from_bytes(data, "big")
        if (answer.transaction, answer.unit) != (self._transaction, self._unit) or stands != written:
            what = _("{name} has confirmed a write, but {output} does not stand so")
            raise BadReading(what.format(name=self.name, output=output))

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
