"""The gauge's one loop: measure, say it on the serial line, keep it, send what is kept, and come back to life.

The serial line comes first and needs nothing else: without Wi-Fi, broker or time it still says how far the water is,
every second, and at most as much later as one word to the network takes. Runs on MicroPython and on CPython alike;
board, network and time are handed in.
"""

from gauge import ECHOES, WARM_UP_MS, Backlog, Reading, agreed, distance_mm_of, frame_of, message_of

PERIOD_MS = 1000
BACKLOG_MAX = 600
"""Ten minutes of readings, about 40 kB."""
_RETRY_MS_MIN, _RETRY_MS_MAX = 2000, 60_000
_AT_ONCE_MAX = 10
_AT_ONCE_MS_MAX = 400
"""How many kept readings are sent between two measurements, and for how long; the next one must not be late for it."""
_NO_CONNECTION = (OSError, ValueError, MemoryError)
"""What a connection fails with: the network, a certificate that is none, TLS without room. It never ends the loop."""
_ROOM_CC = 2000
"""Without a thermometer: 20 degrees; each degree less makes the distance 0.2 % too long."""


class Station:
    """One gauge."""

    def __init__(self, board: object, clock: object, connect: object, boot: str) -> None:
        """Keep what is given.

        Args:
            board: ``echo_us()`` → µs or None, ``temperature_cc()`` → hundredths of a degree or None, ``say(bytes)``
                for the serial line, ``feed()`` for the watchdog.
            clock: ``now_ms()``, a counter; ``since_ms(then)``, how long ago that was; ``time_ms()`` → milliseconds
                since 1970, or None; ``tend()`` asks a time server where that is due → whether it did.
            connect: called for a new connection; returns an iterator whose every step waits for the network once, and
                gives None until it gives a ``Publisher`` that is connected; raises ``OSError`` where there is none.
            boot: eight random hexadecimal digits.
        """
        self._board = board
        self._clock = clock
        self._connect = connect
        self._boot = boot
        self._begun_ms = clock.now_ms()
        self._is_warm = False
        self._seq = 0
        self._publisher = None
        self._opening = None
        """A connection that is being made, one word a measurement."""
        self._failed_ms = None
        self._retry_ms = _RETRY_MS_MIN
        self.backlog = Backlog(BACKLOG_MAX)
        self.trouble = ""
        """Why there is no connection, for whoever looks at the console; holds no secret."""

    def step(self) -> None:
        """Measure once, say it, and send what is kept; call it every PERIOD_MS.

        The watchdog is fed here and nowhere else: when something hangs, the board starts anew.
        """
        self._board.feed()
        reading = self._measure()
        self._board.say(frame_of(reading.distance_mm))
        self.backlog.add(reading)
        self._send()

    def _measure(self) -> Reading:
        temperature_cc = self._board.temperature_cc()
        air_cc = _ROOM_CC if temperature_cc is None else temperature_cc
        echoes_us = [self._board.echo_us() for _number in range(ECHOES)]
        distances_mm = [None if one is None else distance_mm_of(one, air_cc) for one in echoes_us]
        self._seq += 1
        reading = Reading(self._seq, self._clock.now_ms(), agreed(distances_mm), temperature_cc)
        reading.time_ms = self._clock.time_ms()
        if not self._is_warm:
            self._is_warm = self._clock.since_ms(self._begun_ms) >= WARM_UP_MS
        reading.is_warming_up = not self._is_warm
        return reading

    def _send(self) -> None:
        if self._publisher is None:
            self._reconnect()
            return
        if self._clock.tend():
            return
        begun_ms = self._clock.now_ms()
        try:
            for _number in range(_AT_ONCE_MAX):
                reading = self.backlog.oldest()
                if reading is None or self._clock.since_ms(begun_ms) > _AT_ONCE_MS_MAX:
                    return
                age_ms = self._clock.since_ms(reading.at_ms)
                self._publisher.publish(message_of(reading, self._boot, age_ms))
                self.backlog.drop_oldest()
                self._board.feed()
        except _NO_CONNECTION as error:
            self._publisher.drop()
            self._publisher = None
            self._fail(error)

    def _reconnect(self) -> None:
        """Go on with a connection, or begin one where that is due."""
        try:
            if self._opening is None:
                if self._failed_ms is not None and self._clock.since_ms(self._failed_ms) < self._retry_ms:
                    return
                self._opening = self._connect()
            self._publisher = next(self._opening)
        except _NO_CONNECTION as error:
            self._opening = None
            self._fail(error)
            return
        if self._publisher is not None:
            self._opening = None
            self._failed_ms, self._retry_ms, self.trouble = None, _RETRY_MS_MIN, ""

    def _fail(self, error: Exception) -> None:
        if self._failed_ms is not None:
            self._retry_ms = min(2 * self._retry_ms, _RETRY_MS_MAX)
        self._failed_ms = self._clock.now_ms()
        self.trouble = str(error) or type(error).__name__
