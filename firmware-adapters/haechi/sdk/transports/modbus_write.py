"""Writing one coil or one holding register over Modbus/TCP, for adapters that declare actuators. Since SDK 1.1.

Everything else in these transports only reads. What may be written is named when the writer is made
(:mod:`~haechi.sdk.transports.modbus_outputs`). A write is sent once, over a connection of its own, and is done only
when the device has repeated it and the output, read back, stands as it was told.
"""

import asyncio
from collections.abc import Collection

from haechi.sdk.errors import BadReading, NotConnected, NotDone
from haechi.sdk.transports.modbus_frames import TcpFrame, data_of, take_tcp_frame, tcp_frame
from haechi.sdk.transports.modbus_outputs import (
    EXCEPTION_BIT,
    Coil,
    Output,
    Outputs,
    Register,
    read_of,
    refusal,
    stands,
)
from haechi.sdk.transports.tcp_line import TcpLine
from haechi.text import _

__all__ = ["Coil", "ModbusWriter", "Output", "Register"]


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
        self._line = TcpLine(host, port, timeout_s=timeout_s)
        self.name = self._line.name
        self._outputs = Outputs(unit, outputs)
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
        pdu = self._outputs.request(output, value)
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

    async def _exchange(self, pdu: bytes) -> TcpFrame:
        self._transaction = self._transaction % 0xFFFF + 1
        await self._line.write(tcp_frame(self._transaction, self._unit, pdu))
        while (frame := take_tcp_frame(self._came)) is None:
            self._came += await self._line.read()
        return frame

    async def _look(self, output: Output, pdu: bytes) -> None:
        """Read the output back, and compare it with what ``pdu`` wrote."""
        read = read_of(output)
        answer = await self._exchange(read.pdu)
        is_ours = (answer.transaction, answer.unit) == (self._transaction, self._unit)
        if not is_ours or not stands(output, data_of(read, answer.pdu), pdu):
            what = _("{name} has confirmed a write, but {output} does not stand so")
            raise BadReading(what.format(name=self.name, output=output))

    def _check(self, pdu: bytes, answer: TcpFrame) -> None:
        ours = (answer.transaction, answer.unit) == (self._transaction, self._unit)
        if ours and answer.pdu == pdu:
            return
        if ours and len(answer.pdu) == 2 and answer.pdu[0] == pdu[0] | EXCEPTION_BIT:
            raise refusal(self.name, answer.pdu[1])
        raise BadReading(_("{name} confirms something else than what was written").format(name=self.name))
