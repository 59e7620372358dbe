"""An amount by the time in which it came, within a window that moves. Pure, bounded memory.

What is only known to have come between two readings came evenly between them, as far as anybody can tell. Put into the
moment of the second one, what fell while nobody read would make a downpour of an afternoon's drizzle.
"""

from collections import deque
from dataclasses import dataclass

_SLOTS = 60


@dataclass(slots=True)
class _Slot:
    number: int
    amount: float


class Window:
    """How much came within the last ``window_s``, exact to a sixtieth of it."""

    def __init__(self, window_s: float) -> None:
        """Begin with nothing."""
        self._slot_s = window_s / _SLOTS
        self._slots: deque[_Slot] = deque()

    def add(self, amount: float, since_s: float, until_s: float) -> None:
        """Let an amount have come evenly between two times; below zero it takes back what was added wrongly there.

        No two amounts but such a pair are of the same time, and later ones are added later.
        """
        lasted_s, slot_s = until_s - since_s, self._slot_s
        last = int(until_s // slot_s)
        if lasted_s <= 0:
            self._put(last, amount)
            return
        for number in range(max(int(since_s // slot_s), last - _SLOTS), last + 1):
            begun_s, ended_s = max(since_s, number * slot_s), min(until_s, (number + 1) * slot_s)
            self._put(number, amount * max(0.0, ended_s - begun_s) / lasted_s)

    def amount(self, now_s: float) -> float:
        """Return what came since ``window_s`` before ``now_s``."""
        number = int(now_s // self._slot_s)
        while self._slots and self._slots[0].number < number - _SLOTS:
            self._slots.popleft()
        gone = 0.0
        if self._slots and self._slots[0].number == number - _SLOTS:
            gone = self._slots[0].amount * min(1.0, now_s / self._slot_s - number)
        return max(0.0, sum(slot.amount for slot in self._slots) - gone)

    def _put(self, number: int, amount: float) -> None:
        for slot in reversed(self._slots):
            if slot.number == number:
                slot.amount += amount
                return
            if slot.number < number:
                break
        self._slots.append(_Slot(number, amount))
        if len(self._slots) > _SLOTS + 1:
            self._slots.popleft()
