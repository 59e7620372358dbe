"""A write goes out once, to a named output, and is done only when the device has repeated it and stands so."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from haechi.sdk import BadReading, NotConnected, NotDone
from haechi.sdk.modbus_slave import ModbusSlave
from haechi.sdk.transports.modbus_frames import Read, Table
from haechi.sdk.transports.modbus_rtu import ModbusRtu
from haechi.sdk.transports.modbus_rtu_write import ModbusRtuWriter
from haechi.sdk.transports.modbus_write import Coil, ModbusWriter, Register
from haechi.sdk.transports.serial_line import LineSettings

Answer = Callable[[bytes], bytes]


class Device:
    """Answers each write as it is told, and remembers what it was asked; what it is read stands as it was written."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.answer: Answer = lambda frame: frame
        self.stands: int | None = None
        """Where it stands otherwise than it was written."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while frame := await reader.read(64):
            if frame[7] in (1, 3):
                writer.write(
                    frame[:4] + struct.pack(">HB", 4 if frame[7] == 1 else 5, frame[6]) + self._read_back(frame[7])
                )
                continue
            self.asked.append(frame)
            if not (answer := self.answer(frame)):
                break
            writer.write(answer)
        writer.close()

    def _read_back(self, function: int) -> bytes:
        (written,) = struct.unpack(">H", self.asked[-1][-2:])
        stands = written if self.stands is None else self.stands
        return bytes([1, 1, stands >> 15]) if function == 1 else struct.pack(">BBH", 3, 2, stands)


@pytest.fixture
async def device() -> AsyncIterator[tuple[Device, int]]:
    made = Device()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    yield made, server.sockets[0].getsockname()[1]
    server.close()


def writer(port: int) -> ModbusWriter:
    return ModbusWriter("127.0.0.1", port, 3, [Coil(2), Register(40)], timeout_s=1.0)


async def test_a_coil_and_a_register_are_written_as_the_standard_says(device: tuple[Device, int]) -> None:
    made, port = device
    ours = writer(port)
    await ours.write(Coil(2), True)
    await ours.write(Coil(2), False)
    await ours.write(Register(40), 1234)
    assert [frame[6:] for frame in made.asked] == [
        bytes([3, 5]) + struct.pack(">HH", 2, 0xFF00),
        bytes([3, 5]) + struct.pack(">HH", 2, 0),
        bytes([3, 6]) + struct.pack(">HH", 40, 1234),
    ]


@pytest.mark.parametrize(
    ("output", "value"),
    [(Coil(3), True), (Register(2), 1), (Coil(40), True), (Coil(2), 1), (Register(40), True), (Register(40), 65_536)],
)
async def test_what_is_no_output_or_no_value_of_it_never_leaves(
    device: tuple[Device, int], output: Coil | Register, value: bool | int
) -> None:
    made, port = device
    with pytest.raises(NotDone):
        await writer(port).write(output, value)
    assert made.asked == []


@pytest.mark.parametrize("unit", [0, 256, -1])
def test_nobody_writes_to_everybody(unit: int) -> None:
    with pytest.raises(ValueError, match="a broadcast is never sent"):
        ModbusWriter("127.0.0.1", 502, unit, [Coil(2)], timeout_s=1.0)


def exception(code: int) -> Answer:
    return lambda frame: frame[:4] + bytes([0, 3, frame[6], frame[7] | 0x80, code])


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (exception(2), NotDone),
        (exception(6), NotDone),
        (exception(4), NotConnected),
        (exception(5), NotConnected),
        (exception(11), NotConnected),
        (lambda _frame: b"", NotConnected),
        (lambda frame: frame[:-1] + b"\x01", BadReading),
        (lambda frame: b"\x77" + frame[1:], BadReading),
        (lambda frame: frame[:6] + b"\x09" + frame[7:], BadReading),
        (lambda _frame: b"HTTP/1.1 400", BadReading),
    ],
)
async def test_only_a_refusal_before_the_write_is_certain(
    device: tuple[Device, int], answer: Answer, error: type[Exception]
) -> None:
    made, port = device
    made.answer = answer
    with pytest.raises(error):
        await writer(port).write(Coil(2), True)
    assert len(made.asked) == 1


@pytest.mark.parametrize(
    ("output", "value", "stands"), [(Coil(2), True, 0), (Coil(2), False, 0xFF00), (Register(40), 7, 8)]
)
async def test_what_was_confirmed_and_stands_otherwise_is_not_done(
    device: tuple[Device, int], output: Coil | Register, value: bool | int, stands: int
) -> None:
    made, port = device
    made.stands = stands
    with pytest.raises(BadReading, match="does not stand so"):
        await writer(port).write(output, value)
    blind = ModbusWriter("127.0.0.1", port, 3, [output], timeout_s=1.0, reads_back=False)
    await blind.write(output, value)
    assert len(made.asked) == 2


async def test_what_is_confirmed_too_late_is_not_written_again(device: tuple[Device, int]) -> None:
    made, port = device
    made.answer = lambda _frame: b"\x00"  # and then nothing
    impatient = ModbusWriter("127.0.0.1", port, 3, [Coil(2)], timeout_s=0.05)
    with pytest.raises(NotConnected, match="has not confirmed a write"):
        await impatient.write(Coil(2), True)
    assert len(made.asked) == 1


async def test_a_device_that_is_not_there_was_told_nothing(device: tuple[Device, int]) -> None:
    _made, port = device
    nobody = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = nobody.sockets[0].getsockname()[1]
    nobody.close()
    await nobody.wait_closed()
    with pytest.raises(NotDone, match="refuses connections"):
        await writer(port).write(Coil(2), True)


@asynccontextmanager
async def relay(*, timeout_s: float = 0.3) -> AsyncIterator[tuple[ModbusSlave, ModbusRtuWriter]]:
    """A relay on a bus that is read by somebody else all the time."""
    async with ModbusSlave(3) as slave, asyncio.timeout(20):
        slave.outputs.update({(Table.COIL, 2), (Table.HOLDING, 40)})
        slave.set(Table.COIL, 2, 0)
        slave.set(Table.HOLDING, 40, 7)
        slave.set(Table.INPUT, 0, 1, 2, 3)
        settings = LineSettings(slave.serial_port, 115200)
        yield slave, ModbusRtuWriter(settings, 3, [Coil(2), Coil(9), Register(40)], timeout_s=timeout_s)


async def reading(slave: ModbusSlave, came: list[bytes]) -> None:
    master = ModbusRtu(LineSettings(slave.serial_port, 115200), 3, timeout_s=0.3, retry_s=0.1)
    block = Read(Table.INPUT, 0, 3)
    master.join([block])
    try:
        while True:
            try:
                came.append(await master.read(block))
            except (NotConnected, BadReading):
                await asyncio.sleep(0.01)
    finally:
        master.close()


async def test_on_a_bus_a_write_takes_its_turn_and_is_read_back() -> None:
    async with relay() as (slave, ours):
        came: list[bytes] = []
        others = asyncio.create_task(reading(slave, came))
        await ours.write(Coil(2), True)
        await ours.write(Register(40), 1234)
        await ours.write(Coil(2), False)
        others.cancel()
        assert list(slave.written) == [(Table.COIL, 2, 1), (Table.HOLDING, 40, 1234), (Table.COIL, 2, 0)]
        assert set(came) == {bytes([0, 1, 0, 2, 0, 3])}
        with pytest.raises(NotDone, match=r"refuses a write \(exception 2\)"):
            await ours.write(Coil(9), True)
        with pytest.raises(NotDone, match="no output"):
            await ours.write(Coil(40), True)
        slave.jammed.add((Table.COIL, 2))
        with pytest.raises(BadReading, match="does not stand so"):
            await ours.write(Coil(2), True)
        assert not slave.is_held


async def test_on_a_bus_a_late_confirmation_is_nobodys_and_nothing_is_written_twice() -> None:
    async with relay() as (slave, ours):
        came: list[bytes] = []
        others = asyncio.create_task(reading(slave, came))
        slave.writes_delayed_s = 0.5
        with pytest.raises(NotConnected, match="has not confirmed a write"):
            await ours.write(Coil(2), True)
        slave.writes_delayed_s = 0.0
        slave.jammed.add((Table.COIL, 2))  # were the late word taken for this one's, it would be done
        with pytest.raises((BadReading, NotDone)):
            await ours.write(Coil(2), False)
        others.cancel()
        assert set(came) <= {bytes([0, 1, 0, 2, 0, 3])}
        assert [element for _table, _address, element in slave.written] in ([1, 0], [1])


async def test_on_a_bus_what_is_not_there_was_told_nothing() -> None:
    async with relay(timeout_s=0.1) as (slave, ours):
        slave.silent = True
        with pytest.raises(NotDone, match="nothing was sent"):
            await ours.write(Coil(2), True)
        slave.unplug()
        with pytest.raises(NotDone):
            await ours.write(Coil(2), True)
        assert not slave.written
    with pytest.raises(ValueError, match="a broadcast is never sent"):
        ModbusRtuWriter(LineSettings("/dev/none", 9600), 0, [Coil(2)], timeout_s=1.0)
