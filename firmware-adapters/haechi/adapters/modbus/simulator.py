"""A Modbus device that is not there: speaks the real protocol over TCP or a pseudo-terminal, and misbehaves on demand.

Elements that nobody has set read as zero.

From a shell: ``python -m haechi.adapters.modbus.simulator --port 0 --register 0=1234``.
"""

import argparse
import asyncio
import struct
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Self

from haechi.sdk import modbus_requests as requests
from haechi.sdk.simulated import OnTerminal, serve
from haechi.sdk.transports.modbus_frames import Table

_PACKED = {"uint16": "H", "int16": "h", "uint32": "I", "int32": "i", "uint64": "Q", "int64": "q"}
_PACKED |= {"float32": "f", "float64": "d"}
_LEDGER_MAX = 100_000


def words_of(value: float, number_type: str, word_order: str = "ABCD") -> list[int]:
    """Return the registers that hold ``value``, in the order of their addresses."""
    most_significant_first = struct.pack(">" + _PACKED[number_type], value)
    words = [most_significant_first[place : place + 2] for place in range(0, len(most_significant_first), 2)]
    if word_order in ("CDAB", "DCBA"):
        words.reverse()
    if word_order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return [int.from_bytes(word, "big") for word in words]


@dataclass
class SimulatedUnit:
    """One device: its four tables, and how it misbehaves at the moment."""

    registers: dict[tuple[Table, int], int] = field(default_factory=dict)
    """(table, address) → 0…65535, or 0 and 1 for coils and discrete inputs."""
    ledger: deque[tuple[Table, int, tuple[int, ...]]] = field(default_factory=lambda: deque(maxlen=_LEDGER_MAX))
    """Everything that was ever set, oldest first."""
    silent: bool = False
    """True: it answers nothing."""
    delay_s: float = 0.0
    """How late it answers. It answers in order, so a request waits for the one before."""
    delays_s: deque[float] = field(default_factory=deque)
    """Delays of the next answers, used before ``delay_s``."""
    refused: dict[tuple[Table, int], int] = field(default_factory=dict)
    """Addresses whose reads are answered with an exception, and its code."""
    unanswered: set[tuple[Table, int]] = field(default_factory=set)
    """Addresses whose reads get no answer at all, as some firmware treats what it does not know."""
    requests: int = 0
    """How many requests came."""

    def set(self, table: Table, address: int, *elements: int) -> None:
        """Put elements into consecutive addresses."""
        for place, element in enumerate(elements):
            self.registers[table, address + place] = element
        self.ledger.append((table, address, elements))

    def show(
        self,
        address: int,
        value: float,
        number_type: str = "uint16",
        word_order: str = "ABCD",
        table: Table = Table.HOLDING,
    ) -> None:
        """Put the number ``value`` (before any scaling) into the registers from ``address`` on."""
        self.set(table, address, *words_of(value, number_type, word_order))

    def answer(self, pdu: bytes) -> bytes | None:
        """Return the answer to a request PDU, or None where it stays silent."""
        self.requests += 1
        if self.silent:
            return None
        asked = requests.asked(pdu)
        if isinstance(asked, bytes):
            return asked
        table, first, count = asked
        for (refused_table, address), code in self.refused.items():
            if refused_table == table and first <= address < first + count:
                return requests.refusal(table, code)
        if any(muted == table and first <= address < first + count for muted, address in self.unanswered):
            return None
        return requests.answer(table, [self.registers.get((table, one), 0) for one in range(first, first + count)])

    def next_delay_s(self) -> float:
        """Return how late the next answer is."""
        return self.delays_s.popleft() if self.delays_s else self.delay_s


class ModbusSimulator:
    """Devices behind one TCP port, or on one serial bus. An async context manager: entering starts it.

    Over TCP every connection is served at its own pace, in order; on the bus one request follows the other.
    """

    def __init__(self, units: Sequence[int] = (1,), *, transport: str = "tcp", host: str = "127.0.0.1", port: int = 0):
        """Make devices with the addresses ``units``; TCP port 0 takes a free one."""
        self.units = {unit: SimulatedUnit() for unit in units}
        self.host, self.port = host, port
        self.serial_port = ""
        """Path of the pseudo-terminal that a master opens (transport ``rtu``)."""
        self.connections = 0
        """How many TCP connections were accepted so far."""
        self._transport = transport
        self._stack = AsyncExitStack()
        self._clients: set[asyncio.StreamWriter] = set()
        self._bus: _SerialBus | None = None

    @property
    def unit(self) -> SimulatedUnit:
        """The first device."""
        return next(iter(self.units.values()))

    @property
    def where(self) -> str:
        """What to open: the serial port, or ``host:port``."""
        return self.serial_port or f"{self.host}:{self.port}"

    @property
    def is_held(self) -> bool:
        """Tell whether a master is connected or holds the serial port."""
        return bool(self._clients) if self._bus is None else self._bus.is_held

    async def __aenter__(self) -> Self:
        if self._transport == "rtu":
            self._bus = await self._stack.enter_async_context(_SerialBus(self.units))
            self.serial_port = self._bus.port
        else:
            await self.listen()
            self._stack.push_async_callback(self.stop)
        return self

    async def __aexit__(self, *_unused: object) -> None:
        await self._stack.aclose()

    async def listen(self) -> None:
        """Listen again after :meth:`stop`, on the same port."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and close every connection, as a device that loses power."""
        self._server.close()
        self.hang_up()
        await self._server.wait_closed()

    def hang_up(self) -> None:
        """Close every TCP connection; new ones are welcome."""
        for writer in self._clients:
            writer.transport.abort()
        self._clients.clear()

    def send_to_all(self, data: bytes) -> None:
        """Send raw bytes that nobody asked for to every TCP client, or onto the bus."""
        if self._bus is not None:
            self._bus.put(data)
        for writer in self._clients:
            writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._clients.add(writer)
        await requests.serve_tcp(reader, writer, self._answer)
        self._clients.discard(writer)

    async def _answer(self, unit: int, pdu: bytes) -> bytes | None:
        return await _answered(self.units, unit, pdu)


class _SerialBus(OnTerminal):
    """A pseudo-terminal with devices behind it, one of which answers at a time."""

    def __init__(self, units: dict[int, SimulatedUnit]) -> None:
        super().__init__()
        self._units = units
        self._buffer = bytearray()
        self._requests: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue(maxsize=1000)
        self._task: asyncio.Task[None] | None = None

    def heard(self, data: bytes) -> None:
        """Take what a master sends."""
        self._buffer += data
        while (request := requests.take_rtu_request(self._buffer)) is not None:
            with suppress(asyncio.QueueFull):
                self._requests.put_nowait(request)

    def unplug(self) -> None:
        """Pull the cable."""
        if self._task is not None:
            self._task.cancel()
        super().unplug()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._answer())
        return await super().__aenter__()

    async def _answer(self) -> None:
        while True:
            unit, pdu = await self._requests.get()
            answer = await _answered(self._units, unit, pdu)
            if answer is not None:
                self.put(requests.rtu_answer(unit, answer))


async def _answered(units: dict[int, SimulatedUnit], unit: int, pdu: bytes) -> bytes | None:
    """Return what one of ``units`` answers, when it is time; None where nobody does."""
    device = units.get(unit)
    answer = None if device is None else device.answer(pdu)
    if device is not None and answer is not None and (delay_s := device.next_delay_s()):
        await asyncio.sleep(delay_s)
    return answer


def main() -> None:
    """Serve one device until interrupted; the first line on standard output says where."""
    parser = argparse.ArgumentParser(prog="python -m haechi.adapters.modbus.simulator", description=main.__doc__)
    parser.add_argument("--transport", choices=["tcp", "rtu"], default="tcp")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes a free one")
    parser.add_argument("--unit", type=int, default=1)
    parser.add_argument("--register", action="append", default=[], metavar="ADDRESS=NUMBER", help="a holding register")
    arguments = parser.parse_args()
    simulator = ModbusSimulator(
        (arguments.unit,), transport=arguments.transport, host=arguments.host, port=arguments.port
    )
    for written in arguments.register:
        address, _equals, number = written.partition("=")
        simulator.unit.show(int(address), int(number))
    serve(simulator)


if __name__ == "__main__":
    main()
