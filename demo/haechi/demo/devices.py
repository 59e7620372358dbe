"""The simulated devices, in a process of their own, each speaking its real protocol.

``python -m haechi.demo.devices --modbus-port P --serial-link PATH --since UNIX_S --speed X``. The story is reckoned
from ``--since`` on, so devices that are started again go on where they were. They end with SIGTERM.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

from haechi.adapters.modbus.simulator import ModbusSimulator
from haechi.adapters.serial_level.simulator import SerialLevelSimulator
from haechi.demo import story
from haechi.demo.city import MOUNT_HEIGHT_M
from haechi.sdk.transports.modbus_frames import Table

_TICK_S = 0.25
RIVER, RAIN, TRAFFIC = 1, 2, 3
"""Unit addresses on the cabinet's Modbus TCP port."""


async def play(modbus: ModbusSimulator, gauge: SerialLevelSimulator, since_s: float, speed: float) -> None:
    """Keep the devices showing what the story says, for ever."""
    while True:
        show(modbus, gauge, story.at((time.time() - since_s) * speed))
        await asyncio.sleep(_TICK_S)


def show(modbus: ModbusSimulator, gauge: SerialLevelSimulator, moment: story.Moment) -> None:
    """Put one moment into the devices' registers and frames."""
    river, rain, traffic = (modbus.units[unit] for unit in (RIVER, RAIN, TRAFFIC))
    river.set(Table.HOLDING, 0, round(moment.river_m * 1000), 1264)
    rain.set(Table.INPUT, 0, round(moment.rain_mm_h * 10))
    traffic.set(Table.HOLDING, 100, round(moment.traffic_veh_h), round(moment.traffic_km_h * 10))
    gauge.distance_m = MOUNT_HEIGHT_M - moment.underpass_m


async def run(modbus_port: int, serial_link: Path, since_s: float, speed: float) -> None:
    """Serve until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with (
        ModbusSimulator((RIVER, RAIN, TRAFFIC), port=modbus_port) as modbus,
        SerialLevelSimulator() as gauge,
    ):
        _link(serial_link, gauge.port)
        playing = asyncio.create_task(play(modbus, gauge, since_s, speed), name="story")
        ending = asyncio.create_task(stopping.wait(), name="end")
        await asyncio.wait((playing, ending), return_when=asyncio.FIRST_COMPLETED)
        for task in (playing, ending):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _link(link: Path, target: str) -> None:
    """Point a name that stays at a pseudo-terminal that does not, as udev's by-path links do."""
    scratch = link.with_suffix(f".{os.getpid()}")
    scratch.symlink_to(target)
    scratch.replace(link)


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(prog="haechi.demo.devices")
    parser.add_argument("--modbus-port", type=int, required=True)
    parser.add_argument("--serial-link", type=Path, required=True)
    parser.add_argument("--since", type=float, required=True)
    parser.add_argument("--speed", type=float, required=True)
    given = parser.parse_args()
    asyncio.run(run(given.modbus_port, given.serial_link, given.since, given.speed))


if __name__ == "__main__":
    main()
