"""A Modbus/TCP master for one device: one connection of its own, one request at a time.

No answer is ever taken for another request's: the transaction must agree, and after a time-out, a cancelled read or
bytes that are no Modbus the connection is closed, so that a late answer finds nobody. The next read opens it again.

An asyncio protocol of our own, because pymodbus 3.16 lets an answer with transaction 0 pass, does not compare function
and byte count, and keeps the connection after a time-out.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from haechi.sdk.errors import BadReading, NotConnected
from haechi.sdk.transports.dialling import Connection, dial, name_of
from haechi.sdk.transports.modbus_frames import Read, TcpFrame, data_of, take_tcp_frame, tcp_frame
from haechi.text import _

_BUFFER_BYTES_MAX = 4096


class ModbusTcp:
    """Reads one device over Modbus/TCP. Blocking: never; order: one read after the other."""

    def __init__(self, host: str, port: int, unit: int, *, timeout_s: float, retry_s: float) -> None:
        """Keep the address; nothing is opened before the first read.

        Args:
            host: name or address.
            port: TCP port.
            unit: unit identifier; 255 or 1 for a device that is no gateway to a serial bus.
            timeout_s: how long connecting, and each answer, may take.
            retry_s: what a ``NotConnected`` asks its receiver to wait.
        """
        self.name = name_of(host, port)
        self.strays = 0
        """Answers that belong to no request; they are dropped."""
        self._host, self._port, self._unit = host, port, unit
        self._timeout_s, self._retry_s = timeout_s, retry_s
        self._transaction = 0
        self._stream: _Stream | None = None

    def join(self, reads: Iterable[Read]) -> None:
        """Prepare for ``reads``: nothing to do, because answers over TCP are numbered."""

    async def read(self, request: Read) -> bytes:
        """Return the data bytes of the answer to ``request``; opens the connection where there is none.

        Raises:
            NotConnected: no connection, or no answer in time; the connection is closed.
            Refused: the device answered with an exception; the connection stays.
            BadReading: the answer is not one to this request.
        """
        stream = self._stream
        if stream is None or stream.closed:
            stream = self._stream = await self._connect()
        self._transaction = self._transaction % 0xFFFF + 1
        try:
            async with asyncio.timeout(self._timeout_s):
                frame = await stream.exchange(self._transaction, tcp_frame(self._transaction, self._unit, request.pdu))
        except TimeoutError:
            self.close()
            what = _("{name} does not answer within {seconds} s").format(name=self.name, seconds=self._timeout_s)
            raise NotConnected(what, self._retry_s) from None
        except OSError as error:
            self.close()
            raise NotConnected(_("{name} closed the connection").format(name=self.name), self._retry_s) from error
        except BaseException:
            self.close()  # an answer may still come: nobody may take it for the next one's
            raise
        finally:
            self.strays += stream.take_strays()
        if frame.unit != self._unit:
            raise BadReading(
                _("{request}: unit {other} answered for unit {unit}").format(
                    request=request, other=frame.unit, unit=self._unit
                )
            )
        return data_of(request, frame.pdu)

    def close(self) -> None:
        """Close the connection at once; may be called at any time and more than once."""
        if self._stream is not None:
            self._stream.abort()
            self._stream = None

    async def _connect(self) -> "_Stream":
        return await dial(
            self._host,
            self._port,
            lambda: _Stream(self.name),
            timeout_s=self._timeout_s,
            retry_s=self._retry_s,
        )


class _Stream(Connection):
    """One TCP connection: hands the frame of the awaited transaction to whoever waits, drops all others."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.closed = False
        self._buffer = bytearray()
        self._awaited: asyncio.Future[TcpFrame] | None = None
        self._transaction = 0
        self._strays = 0

    async def exchange(self, transaction: int, frame: bytes) -> TcpFrame:
        """Send ``frame`` and return the frame that carries the same transaction."""
        if self._transport is None or self.closed:
            raise ConnectionResetError
        self._transaction = transaction
        self._awaited = asyncio.get_running_loop().create_future()
        self._transport.write(self._tap.sent(frame))
        try:
            return await self._awaited
        finally:
            self._awaited = None

    def take_strays(self) -> int:
        """Return how many frames were dropped since the last call."""
        strays, self._strays = self._strays, 0
        return strays

    def abort(self) -> None:
        """Close without waiting for anything."""
        self.closed = True
        super().abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self.closed = True
        self._tap.closed()
        self._fail(exc or ConnectionResetError())

    def _deliver(self, data: bytes) -> None:
        """Cut the stream into frames."""
        if self.closed:
            return
        self._buffer += data
        try:
            while (frame := take_tcp_frame(self._buffer)) is not None:
                if frame.transaction == self._transaction and self._awaited is not None and not self._awaited.done():
                    self._awaited.set_result(frame)
                else:
                    self._strays += 1
            if len(self._buffer) > _BUFFER_BYTES_MAX:
                raise BadReading(_("answers with more than was asked for"))
        except BadReading as error:
            self._fail(error)
            self.abort()

    def _fail(self, error: Exception) -> None:
        if self._awaited is not None and not self._awaited.done():
            with suppress(asyncio.InvalidStateError):
                self._awaited.set_exception(error)
