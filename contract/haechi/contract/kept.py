"""Answers kept by the names that they were worked out for, bounded by how many names all of them hold together.

A device says the same names every second, so what follows from them is worked out once. One whose set of values varies
makes a new set each time: counted by sets, five hundred names each would fill a small computer's memory.
"""

from typing import Generic, TypeVar

Answer = TypeVar("Answer")
NAMES_MAX = 65_536


class ByNames(Generic[Answer]):
    """A mapping from names to an answer that forgets everything when it holds too much."""

    __slots__ = ("_answers", "_names", "_names_max")

    def __init__(self, names_max: int = NAMES_MAX) -> None:
        """``names_max``: of all keys together."""
        self._names_max = names_max
        self._names = 0
        self._answers: dict[tuple[str, ...], Answer] = {}

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, names: tuple[str, ...]) -> Answer | None:
        """Return what was kept for these names."""
        return self._answers.get(names)

    def keep(self, names: tuple[str, ...], answer: Answer) -> Answer:
        """Keep an answer; return it."""
        if self._names + len(names) > self._names_max:
            self._answers.clear()
            self._names = 0
        self._answers[names] = answer
        self._names += len(names)
        return answer
