"""How well people are found and followed who walk through a real street on known ways, as far as 20 pixels high.

The truth is the staging's own (:mod:`benchmarks.staged`), so it is exact; the walkers are such that the detector found
them once. It compares ways of looking, and says nothing about faces in a crowd of another city.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Limit
from benchmarks.part_quiet import real_street
from benchmarks.staged import crowd, write_mot
from haechi.edge.vision.detector import open_detector
from haechi.edge.vision.evaluation import run, truth

_SIZE_PX = (1280, 720)
_HEIGHTS = (0.03, 0.3)
_EVERY_S = 1.2


async def measure(bench: Bench) -> Sequence[Figure]:
    """A staged clip of 1280x720 and its truth, through ``haechi camera evaluate``'s own way."""
    seconds = bench.choose(10.0, 40.0)
    bench.say(f"staging {seconds:.0f} s of people who pass in front of each other")
    boxes = await asyncio.to_thread(_evaluated, bench.folder, seconds)
    bare = Limit("the detector on the whole picture alone", boxes["ap50_bare"], "AP50")
    return [
        Figure("vision.staged_ap50", boxes["ap50"], "AP50", boxes["ap50_bare"], "more", bare),
        Figure("vision.staged_precision", boxes["precision"], "of tracks"),
        Figure("vision.staged_recall", boxes["recall"], "of people"),
        Figure("vision.staged_id_switches", boxes["id_switches"], f"in {seconds:.0f} s"),
    ]


def _evaluated(folder: Path, seconds: float) -> dict[str, Any]:
    street = real_street()
    ways = crowd(street, seconds, seed=3, every_s=_EVERY_S, heights=_HEIGHTS)
    clip, boxes = write_mot(folder, street, ways, seconds=seconds, size_px=_SIZE_PX)
    known = truth.read(boxes)
    config, names = run.scene(str(clip), known, None)
    detector = open_detector(
        config.detector.model_copy(update={"precision": "fp32"}), config.classes, score_min=run.RAW_SCORE_MIN
    )
    evaluation = run.Evaluation(config, known, names, detector)
    evaluation.run(lambda _share: None)
    report: dict[str, Any] = evaluation.report()["boxes"]
    return report
