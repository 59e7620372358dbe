"""Check fields of sixteen bits that serial protocols put behind their frames. No I/O.

All of them are the same division with another divisor and another beginning, least significant bit first: Modbus and
SDI-12 divide by 8005h (A001h reversed), Lufft's UMB by 1021h (8408h reversed).
"""


class ReflectedCrc16:
    """One such check: call it with bytes."""

    def __init__(self, divisor: int, *, first: int) -> None:
        """``divisor`` is the polynomial with its bits reversed; ``first`` is the register before the first byte."""
        self._first = first
        self._table = [_divided(byte, divisor) for byte in range(256)]

    def __call__(self, data: bytes | bytearray) -> int:
        """Return the register after ``data``: 0 to FFFFh."""
        register = self._first
        for byte in data:
            register = register >> 8 ^ self._table[(register ^ byte) & 0xFF]
        return register


def _divided(byte: int, divisor: int) -> int:
    for _bit in range(8):
        byte = byte >> 1 ^ divisor if byte & 1 else byte >> 1
    return byte
