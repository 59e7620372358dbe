"""Devices of several protocols share one port: one question at a time, each answer its own."""

import asyncio
from collections.abc import Sequence

from haechi.adapters.lufft_irs31.simulator import LufftIrs31Simulator
from haechi.sdk import modbus_requests as requests
from haechi.sdk.transports.modbus_frames import Read, Table
from haechi.sdk.transports.modbus_rtu import ModbusRtu
from haechi.sdk.transports.serial_line import LineSettings
from haechi.sdk.transports.umb import Umb

UNIT = 7


class Bus(LufftIrs31Simulator):
    """A road sensor that speaks UMB and, beside it, a Modbus slave that holds 1, 2, 3 …"""

    def heard(self, data: bytes) -> None:
        buffer = bytearray(data)
        if (asked := requests.take_rtu_request(buffer)) is not None and asked[0] == UNIT:
            read = requests.asked(asked[1])
            assert isinstance(read, requests.Asked)
            values: Sequence[int] = range(read.first, read.first + read.size)
            self.put(requests.rtu_answer(UNIT, requests.answer(read.table, values)))
        else:
            super().heard(data)


async def test_modbus_and_umb_share_one_rs485_port() -> None:
    async with Bus() as bus:
        line = LineSettings(bus.port, 115200)
        umb = Umb(line, 0x9001, timeout_s=1.0, retry_s=1.0)
        modbus = ModbusRtu(line, UNIT, timeout_s=1.0, retry_s=1.0)
        reads = [Read(Table.INPUT, first, 2) for first in (1, 10)]
        umb.join()
        modbus.join(reads)

        async def ask_umb() -> None:
            for _time in range(4):
                assert [one.value for one in await umb.read([101, 900])] == [1.5, 10]

        async def ask_modbus() -> None:
            for _time in range(4):
                assert [await modbus.read(read) for read in reads] == [b"\0\1\0\2", b"\0\x0a\0\x0b"]

        await asyncio.gather(ask_umb(), ask_modbus())
        umb.close()
        assert bus.is_held
        modbus.close()
        assert not bus.is_held
