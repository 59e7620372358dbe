"""A Modbus device that is not there: answers reads of what it holds, over a pseudo-terminal (RTU) or TCP.

It is as strict as real ones are: a read that touches an address which was never set is refused, and so is every
function but the four reads, and the writing of one coil or register that was named as an output.
"""

import asyncio
import struct
from collections import deque
from typing import Literal, Self

from haechi.sdk import modbus_requests as requests
from haechi.sdk.terminal import Terminal
from haechi.sdk.transports.modbus_frames import Table

_LEDGER_MAX = 100_000


class ModbusSlave:
    """One device. An async context manager: entering makes it reachable."""

    def __init__(self, unit: int = 1, *, transport: Literal["rtu", "tcp"] = "rtu") -> None:
        """Make a device with the address ``unit`` that holds nothing yet."""
        self.unit = unit
        self.serial_port = ""
        """rtu: path of the port to open."""
        self.port = 0
        """tcp: port on 127.0.0.1."""
        self.ledger: deque[tuple[Table, int, tuple[int, ...]]] = deque(maxlen=_LEDGER_MAX)
        """Everything that was ever set, oldest first."""
        self.written: deque[tuple[Table, int, int]] = deque(maxlen=_LEDGER_MAX)
        """Every write of an output that reached it, oldest first."""
        self.outputs: set[tuple[Table, int]] = set()
        """What may be written; nothing unless somebody says so."""
        self.jammed: set[tuple[Table, int]] = set()
        """Outputs that confirm a write and stay as they are."""
        self.writes_delayed_s = 0.0
        """How late writes are confirmed; what they say is done at once."""
        self.silent = False
        """True: it answers nothing."""
        self.delays_s: deque[float] = deque()
        """How late the next answers come."""
        self.damaged: deque[int] = deque()
        """For the next answers: which byte of the whole frame is changed on the wire (rtu)."""
        self.registers_max = 125
        """Most registers that it gives in one read."""
        self._elements: dict[tuple[Table, int], int] = {}
        self._transport = transport
        self._buffer = bytearray()
        self._terminal: Terminal | None = None
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    @property
    def where(self) -> str:
        """What to open: the serial port, or ``host:port``."""
        return self.serial_port or f"127.0.0.1:{self.port}"

    @property
    def is_held(self) -> bool:
        """Tell whether a master is connected or holds the port."""
        return bool(self._clients) if self._terminal is None else self._terminal.is_held

    def set(self, table: Table, address: int, *elements: int) -> None:
        """Put registers (0 to 65535) or bits (0 and 1) into consecutive addresses."""
        for place, element in enumerate(elements):
            self._elements[table, address + place] = element
        self.ledger.append((table, address, elements))

    def element(self, table: Table, address: int) -> int:
        """Return what a register or bit holds."""
        return self._elements[table, address]

    def set_packed(self, table: Table, address: int, layout: str, *values: float) -> None:
        """Put values into registers, packed as :mod:`struct` does with ``layout``, such as ``>f``."""
        packed = struct.pack(layout, *values)
        self.set(table, address, *struct.unpack(f">{len(packed) // 2}H", packed))

    def answer(self, pdu: bytes) -> bytes:
        """Return the answer to a request, without address and check bytes."""
        told = requests.told(pdu)
        if told is not None:
            return self._obey(told, pdu)
        asked = requests.asked(pdu)
        if isinstance(asked, bytes):
            return asked
        table, first, count = asked
        if not table.is_bits and count > self.registers_max:
            return requests.refusal(table, requests.ILLEGAL_VALUE)
        wanted = [(table, address) for address in range(first, first + count)]
        if not all(one in self._elements for one in wanted):
            return requests.refusal(table, requests.ILLEGAL_ADDRESS)
        return requests.answer(table, [self._elements[one] for one in wanted])

    def _obey(self, told: requests.Told, pdu: bytes) -> bytes:
        output = told.table, told.address
        if output not in self.outputs:
            return requests.refusal(pdu[0], requests.ILLEGAL_ADDRESS)
        self.written.append((*output, told.element))
        if output not in self.jammed:
            self.set(*output, told.element)
        return pdu

    def unplug(self) -> None:
        """rtu: pull the cable; the port vanishes under whoever holds it."""
        if self._terminal is not None:
            self._terminal.close()
            self._terminal = None

    async def __aenter__(self) -> Self:
        if self._transport == "tcp":
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]
        else:
            self._terminal = Terminal()
            self._terminal.listen(self._heard)
            self.serial_port = self._terminal.path
        return self

    async def __aexit__(self, *_unused: object) -> None:
        self.unplug()
        if self._server is not None:
            self._server.close()
            for writer in self._clients:
                writer.transport.abort()
            await self._server.wait_closed()

    def _heard(self, data: bytes) -> None:
        self._buffer += data
        while (request := requests.take_rtu_request(self._buffer)) is not None:
            unit, pdu = request
            if self.silent or unit != self.unit:
                continue
            sealed = bytearray(requests.rtu_answer(unit, self.answer(pdu)))
            if self.damaged:
                sealed[self.damaged.popleft() % len(sealed)] ^= 0x01
            delay_s = self._delay_s(pdu)
            asyncio.get_running_loop().call_later(delay_s, self._say, bytes(sealed))

    def _say(self, data: bytes) -> None:
        if self._terminal is not None:
            self._terminal.say(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        await requests.serve_tcp(reader, writer, self._answer_late)
        self._clients.discard(writer)

    async def _answer_late(self, unit: int, pdu: bytes) -> bytes | None:
        if self.silent or unit != self.unit:
            return None
        delay_s = self._delay_s(pdu)
        if requests.told(pdu) is None and delay_s:
            await asyncio.sleep(delay_s)
        answer = self.answer(pdu)
        if requests.told(pdu) is not None and delay_s:
            await asyncio.sleep(delay_s)
        return answer

    def _delay_s(self, pdu: bytes) -> float:
        if requests.told(pdu) is not None:
            return self.writes_delayed_s
        return self.delays_s.popleft() if self.delays_s else 0.0
