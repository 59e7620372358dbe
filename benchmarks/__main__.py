"""``python -m benchmarks [--quick] [--json FILE] [--only WORD]``: measure, print the table, write the JSON.

Exit code 0 when everything could be measured, floors missed or not (the table says so); 1 when a part could not.
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

from benchmarks import (
    part_accuracy,
    part_captures,
    part_cloud,
    part_idle,
    part_jitter,
    part_memory,
    part_outage,
    part_outbox,
    part_peers,
    part_quiet,
    part_recovery,
    part_screen,
    part_throughput,
    part_vision,
    part_wire,
)
from benchmarks.bench import SCRATCH, Part, run
from benchmarks.figures import Figure, lines

PARTS = (
    Part("Modbus TCP to MQTT", part_throughput.measure, 180),
    Part("punctual reads", part_jitter.measure, 100),
    Part("idle gateway", part_idle.measure, 100),
    Part("Modbus captures", part_captures.measure, 30),
    Part("foreign Modbus peers", part_peers.measure, 60),
    Part("outbox", part_outbox.measure, 120),
    Part("bytes on the wire", part_wire.measure, 30),
    Part("cloud, embedded store", part_cloud.measure_embedded, 120),
    Part("cloud, InfluxDB", part_cloud.measure_influx, 150),
    Part("time-series store down", part_outage.measure, 240),
    Part("memory of the cloud", part_memory.measure, 300),
    Part("return of the broker", part_recovery.measure, 200),
    Part("sensor to screen", part_screen.measure, 120),
    Part("detector", part_vision.measure_look, 90),
    Part("camera without movement", part_vision.measure_gate, 420),
    Part("cameras beside a 4K stream", part_vision.measure_beside, 600),
    Part("people, staged", part_accuracy.measure, 300),
    Part("quiet video made hard", part_quiet.measure, 7200),
)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="some minutes instead of half an hour")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as a list of JSON objects")
    parser.add_argument("--only", default="", metavar="WORD", help="only parts whose name holds this word")
    parser.add_argument(
        "--hours", type=float, default=0.0, help="how long the time-series store is down; default: minutes"
    )
    parser.add_argument("--scratch", type=Path, default=SCRATCH, help="folder on a real disk; default: %(default)s")
    arguments = parser.parse_args()
    parts = [part for part in PARTS if arguments.only.lower() in part.name.lower()]
    if not parts:
        parser.error(f"--only {arguments.only}: expected a word of one of: {'; '.join(part.name for part in PARTS)}")
    load = os.getloadavg()[0]
    figures, failed = asyncio.run(run(parts, quick=arguments.quick, scratch=arguments.scratch, hours=arguments.hours))
    figures.append(Figure("machine.load_before", load, "processes"))
    sys.stdout.write("\n".join(["", *lines(figures), ""]))
    if arguments.json is not None:
        records = [figure.record() for figure in figures]
        arguments.json.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    for line in failed:
        sys.stderr.write(f"not measured: {line}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
