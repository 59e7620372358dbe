"""pymodbus and paho-mqtt and nothing else: the practical limit of a gateway in Python.

Reads 125 registers a time from every device as fast as they answer, publishes a thousand values a message with QoS 1,
keeps nothing. Tells on standard output how many values the broker has confirmed, in how many seconds and of what CPU.
"""

import argparse
import asyncio
import time
from array import array

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from pymodbus.client import AsyncModbusTcpClient

from benchmarks.processes import tell

REGISTERS_A_READ = 125
_READS_A_MESSAGE = 8


async def _read(port: int, until_s: float, publisher: mqtt.Client, published: list[mqtt.MQTTMessageInfo]) -> int:
    device = AsyncModbusTcpClient("127.0.0.1", port=port)
    await device.connect()
    values, waiting = 0, array("H")
    while time.monotonic() < until_s:
        answer = await device.read_holding_registers(0, count=REGISTERS_A_READ)
        waiting.extend(answer.registers)
        if len(waiting) >= REGISTERS_A_READ * _READS_A_MESSAGE:
            published.append(publisher.publish("bare/values", waiting.tobytes(), qos=1))
            values += len(waiting)
            waiting = array("H")
    device.close()
    return values


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--slaves", type=int, required=True, help="port of the devices")
    parser.add_argument("--broker", type=int, required=True, help="port of the broker")
    parser.add_argument("--devices", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    arguments = parser.parse_args()
    publisher = mqtt.Client(CallbackAPIVersion.VERSION2)
    publisher.connect("127.0.0.1", arguments.broker)
    publisher.loop_start()
    published: list[mqtt.MQTTMessageInfo] = []
    begun_s, cpu_begun_s = time.monotonic(), time.process_time()
    values = await asyncio.gather(
        *(_read(arguments.slaves, begun_s + arguments.seconds, publisher, published) for _ in range(arguments.devices))
    )
    for message in published:
        await asyncio.to_thread(message.wait_for_publish, 10)
    tell(
        {
            "values": sum(values),
            "seconds": time.monotonic() - begun_s,
            "cpu_s": time.process_time() - cpu_begun_s,
        }
    )
    publisher.disconnect()
    publisher.loop_stop()


if __name__ == "__main__":
    asyncio.run(_main())
