"""A part that fails is named, costs nobody else, and leaves no files."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.bench import Bench, Part, run
from benchmarks.figures import Figure
from benchmarks.processes import Meter, words


def test_a_part_that_fails_is_named_and_the_others_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def good(bench: Bench) -> Sequence[Figure]:
        (bench.folder / "file").touch()
        return [Figure("good", bench.choose(1, 2), "s")]

    async def bad(_bench: Bench) -> Sequence[Figure]:
        raise ValueError("no such\nluck")

    async def late(_bench: Bench) -> Sequence[Figure]:
        await asyncio.Event().wait()
        return []

    parts = [Part("bad", bad, 1), Part("late", late, 0.01), Part("good", good, 1)]
    figures, failed = asyncio.run(run(parts, quick=True, scratch=tmp_path))
    assert figures == [Figure("good", 1, "s")]
    assert [line.partition(":")[0] for line in failed] == ["bad", "late"]
    assert failed[0] == "bad: ValueError: no such"
    assert list(tmp_path.iterdir()) == []
    assert "[3/3] good" in capsys.readouterr().err


async def test_a_meter_sees_cpu_that_is_used() -> None:
    meter = Meter(os.getpid())
    while meter.read()[1] < 0.02:
        sum(range(10_000))
    elapsed_s, used_s = meter.read()
    assert used_s <= elapsed_s * (os.cpu_count() or 1) + 0.05


def test_options_become_words() -> None:
    assert words([("port", 5), ("name", "x")]) == ["--port", "5", "--name", "x"]
