"""Puts the gauge onto a Raspberry Pi Pico W or an ESP32: pins, Wi-Fi, time, watchdog. MicroPython 1.22 or later.

Everything that is decided is decided in the other modules, which run on a host as well; see README.md for the wiring.
Settings and secrets stand in ``settings.json`` on the board, never in the source. Whatever goes wrong that is no matter
of the network ends this program, and the watchdog starts the board anew within eight seconds.
"""

import binascii
import json
import os
import socket
import ssl
import time

import ds18x20
import network
import ntptime
import onewire
from clock import Clock
from machine import UART, WDT, Pin, time_pulse_us
from mqtt import Publisher
from station import PERIOD_MS, Station

_WATCHDOG_MS = 8000
_NETWORK_S = 2
"""How long the network may take for one word; the serial line waits for no more than one at a time."""
_KEEPALIVE_S = 30
_ECHO_US_MAX = 30_000
_ECHO_PAUSE_MS = 60
"""Until the echo before has died away."""
_UNIX_OFFSET_S = 0 if time.gmtime(0)[0] == 1970 else 946_684_800
"""Boards count from 1970 or from 2000."""


class Board:
    """Transducer, thermometer, serial line and watchdog."""

    def __init__(self, settings: dict) -> None:
        self._trigger = Pin(settings["trigger_pin"], Pin.OUT, value=0)
        self._echo = Pin(settings["echo_pin"], Pin.IN)
        self._line = UART(settings["uart"], 9600, tx=Pin(settings["uart_tx_pin"]))
        self._thermometer = ds18x20.DS18X20(onewire.OneWire(Pin(settings["thermometer_pin"])))
        self._sensors = self._thermometer.scan()
        self._is_converting = False
        self._watchdog = WDT(timeout=_WATCHDOG_MS)

    def echo_us(self) -> "int | None":
        """Send one burst and return how long its echo took."""
        self._trigger.on()
        time.sleep_us(20)
        self._trigger.off()
        took_us = time_pulse_us(self._echo, 1, _ECHO_US_MAX)
        time.sleep_ms(_ECHO_PAUSE_MS)
        return took_us if took_us > 0 else None

    def temperature_cc(self) -> "int | None":
        """Return what the thermometer measured since the call before, and let it measure anew."""
        if not self._sensors:
            return None
        try:
            measured_cc = round(100 * self._thermometer.read_temp(self._sensors[0])) if self._is_converting else None
            self._thermometer.convert_temp()
            self._is_converting = True
        except Exception:  # noqa: BLE001 - its library raises Exception where the check sum is wrong
            return None
        return measured_cc if measured_cc != 8500 else None  # what it says before it has measured

    def say(self, frame: bytes) -> None:
        """Put a frame on the serial line."""
        self._line.write(frame)

    def feed(self) -> None:
        """Keep the watchdog from starting the board anew."""
        self._watchdog.feed()


def unix_ms() -> int:
    """Return milliseconds since 1970 by the board's calendar."""
    return time.time_ns() // 1_000_000 + _UNIX_OFFSET_S * 1000


def new_clock(ntp_host: str) -> Clock:
    """Return a clock that asks this time server."""
    ntptime.host = ntp_host
    ntptime.timeout = 1
    return Clock(time.ticks_ms, time.ticks_diff, unix_ms, ntptime.settime)


class Network:
    """Wi-Fi, and a broker behind it."""

    def __init__(self, settings: dict, clock: Clock) -> None:
        if settings["ca_file"] is None and not settings["insecure"]:
            raise ValueError("settings.json: ca_file, or insecure = true for a broker without TLS")
        self._settings = settings
        self._clock = clock
        self._wifi = network.WLAN(network.STA_IF)
        self._wifi.active(True)

    def connect(self) -> object:
        """Make a connection that the broker accepts, one word at a time: yields None between them, then a Publisher.

        Never waits for Wi-Fi.
        """
        settings = self._settings
        if not self._wifi.isconnected():
            self._wifi.connect(settings["wifi_ssid"], settings["wifi_password"])
            raise OSError("no Wi-Fi yet")
        if self._clock.tend():
            yield None
        line = socket.socket()
        try:
            line.settimeout(_NETWORK_S)
            # An address in the settings needs no name server, whose time-out is not ours to set.
            line.connect(socket.getaddrinfo(settings["broker_host"], settings["broker_port"])[0][-1])
            yield None
            stream = line
            if settings["ca_file"] is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.verify_mode = ssl.CERT_REQUIRED
                with open(settings["ca_file"], "rb") as file:  # noqa: PTH123 - MicroPython has no pathlib
                    context.load_verify_locations(cadata=file.read())
                stream = context.wrap_socket(line, server_hostname=settings["broker_host"])
                yield None
            publisher = Publisher(stream, settings["topic"], _KEEPALIVE_S)
            publisher.connect(settings["client_id"], settings["username"], settings["password"])
            yield None
            publisher.say_online()
        except Exception:
            line.close()
            raise
        yield publisher


def main() -> None:
    """Measure for ever."""
    with open("settings.json") as file:  # noqa: PTH123 - MicroPython has no pathlib
        settings = json.load(file)
    boot = binascii.hexlify(os.urandom(4)).decode()
    clock = new_clock(settings["ntp_host"])
    wifi = Network(settings, clock)
    station = Station(Board(settings), clock, wifi.connect, boot)
    told = ""
    while True:
        begun_ms = time.ticks_ms()
        station.step()
        if station.trouble != told:
            told = station.trouble
            print(told or "connected")  # noqa: T201 - the console is all there is
        time.sleep_ms(max(0, PERIOD_MS - time.ticks_diff(time.ticks_ms(), begun_ms)))


if __name__ == "__main__":
    main()
