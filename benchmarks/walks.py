"""Observations as street sensors give them: integers with a scale that walk a little from second to second. Seeded."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from haechi.contract.observations import Reading
from haechi.contract.places import Step

STEP = Step.of("0.001")
_BLOCK = 125
_MIDDLE, _SPREAD = 20_000, 5_000


@dataclass
class Walk:
    """So many datastreams, read in blocks of 125 as Modbus gives them."""

    datastreams: int
    step_max: int = 3
    """How far a number goes from second to second; at 20,000 nothing is left to pack."""
    seed: int = 1

    def __post_init__(self) -> None:
        """Draw where they begin."""
        self._chance = random.Random(self.seed)
        self._counts = [_MIDDLE + self._chance.randrange(-_SPREAD, _SPREAD) for _ in range(self.datastreams)]
        names = [f"d{number // _BLOCK}.r{number % _BLOCK:03d}" for number in range(self.datastreams)]
        self._blocks = [tuple(names[start : start + _BLOCK]) for start in range(0, len(names), _BLOCK)]

    @property
    def steps(self) -> dict[str, Step]:
        """The step of every datastream."""
        return {name: STEP for block in self._blocks for name in block}

    def readings(self, start_us: int, seconds: int) -> Iterator[Reading]:
        """Yield one reading a block and second; blocks are read some milliseconds apart."""
        for second in range(seconds):
            self._counts = [self._next(count) for count in self._counts]
            for number, block in enumerate(self._blocks):
                counts: Sequence[int] = self._counts[number * _BLOCK : number * _BLOCK + len(block)]
                at_us = start_us + 1_000_000 * second + 3_000 * number + self._chance.randrange(500)
                yield Reading(at_us, block, tuple(STEP.value(count) for count in counts))

    def _next(self, count: int) -> int:
        moved = count + self._chance.randint(-self.step_max, self.step_max)
        return moved % 65_536
