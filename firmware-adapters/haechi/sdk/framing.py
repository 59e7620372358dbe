"""A stream of bytes → frames, where the device talks by itself. No I/O, bounded memory.

A stream is joined somewhere in the middle. What comes before the first certain beginning of a frame is dropped without
being counted: the tail of ``1234`` is ``34``, which looks just as sound. After that, what is no sound frame is counted.
"""

from collections.abc import Callable


class Delimited:
    """Frames that end with a delimiter, such as lines of text."""

    def __init__(self, delimiter: bytes, *, size_max: int, is_sound: Callable[[bytes], bool]) -> None:
        """Frames are at most ``size_max`` bytes without delimiter; ``is_sound`` judges one."""
        self.bad = 0
        """Frames that were too long or not sound."""
        self._delimiter, self._size_max, self._is_sound = delimiter, size_max, is_sound
        self._rest = bytearray()
        self._skipping = True

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes as they come and return the sound frames that they complete, without delimiter."""
        self._rest += data
        *frames, rest = self._rest.split(self._delimiter)
        sound = []
        for frame in frames:
            if self._skipping:
                self._skipping = False
            elif len(frame) <= self._size_max and self._is_sound(bytes(frame)):
                sound.append(bytes(frame))
            else:
                self.bad += 1
        if len(rest) > self._size_max + len(self._delimiter):
            if not self._skipping:
                self.bad += 1
                self._skipping = True
            rest = rest[-len(self._delimiter) :]
        self._rest = rest
        return sound


class FixedSize:
    """Frames of one size that begin with a header and carry a check field.

    A header also appears as data, and a sum of eight bits agrees by chance once in 256 times. So out of step with the
    stream a frame counts only when the next one follows it at once; in step, a sound frame counts immediately.
    """

    def __init__(self, header: bytes, *, size: int, is_sound: Callable[[bytes], bool]) -> None:
        """Frames are ``size`` bytes with ``header``; ``is_sound`` tests the check field of one."""
        self.bad = 0
        """How often sound frames were followed by bytes that are none."""
        self._header, self._size, self._check = header, size, is_sound
        self._rest = bytearray()
        self._in_step = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes as they come and return the sound frames that they complete."""
        self._rest += data
        sound: list[bytes] = []
        while len(self._rest) >= (self._size if self._in_step else 2 * self._size):
            first = bytes(self._rest[: self._size])
            second = bytes(self._rest[self._size : 2 * self._size])
            if self._is_sound(first) and (self._in_step or self._is_sound(second)):
                sound.append(first)
                self._in_step = True
                del self._rest[: self._size]
                continue
            if self._in_step:
                self.bad += 1
                self._in_step = False
            after = self._rest.find(self._header, 1)
            del self._rest[: after if after > 0 else len(self._rest) - len(self._header) + 1]
        return sound

    def _is_sound(self, frame: bytes) -> bool:
        return frame.startswith(self._header) and self._check(frame)
