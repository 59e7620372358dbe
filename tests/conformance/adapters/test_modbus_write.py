"""A write goes out once, to a named output, and is done only when the device has repeated it and stands so."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from haechi.sdk import BadReading, NotConnected, NotDone
from haechi.sdk.transports.modbus_write import Coil, ModbusWriter, Register

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
