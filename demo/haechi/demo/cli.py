"""``haechi demo``: a whole city on this machine."""

import argparse
import re
import sys
import time
from pathlib import Path

from haechi.command import UsageError
from haechi.demo import report as reports
from haechi.demo.run import HTTP_PORT, Options, run
from haechi.text import _

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)?")
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0}


def register(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``haechi demo``."""
    parser.description = _(
        "A whole city on this machine: real protocols, a real camera stream, one gateway, one cloud."
    )
    parser.add_argument(
        "--for", dest="run_s", type=_duration, metavar="TIME", help=_("end after 90s, 5m, 1h; the whole story fits in")
    )
    parser.add_argument(
        "--speed", type=_speed, metavar="X", help=_("story seconds a second; 1 tells it in three minutes")
    )
    parser.add_argument(
        "--headless", action="store_true", help=_("for scripts: any free port, no word about a browser")
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help=_("write the counts and times as JSON"))
    parser.add_argument(
        "--camera", default="clip", metavar="SOURCE", help=_("a video file, rtsp://…, usb:N, or none (default: a clip)")
    )
    parser.add_argument("--port", type=_port, default=HTTP_PORT, help=_("of the console, on loopback (default 8080)"))
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help=_("keep data and logs in a new folder"))
    parser.set_defaults(run=_demo)


def _demo(given: argparse.Namespace) -> int:
    if given.keep and given.keep.exists() and any(given.keep.iterdir()):
        raise UsageError(_("--keep {folder}: expected a folder that is new or empty").format(folder=given.keep))
    if given.report and not given.report.absolute().parent.is_dir():
        raise UsageError(_("--report {file}: there is no such folder").format(file=given.report))
    options = Options(
        run_s=given.run_s,
        speed=given.speed,
        camera=given.camera,
        port=given.port,
        headless=given.headless,
        folder=given.keep,
    )
    began_s = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began_s:6.1f} s  {line}", flush=True)  # noqa: T201 - it speaks to a person

    report = run(options, say)
    if given.report:
        reports.write(report, given.report)
    _tell(report)
    return 0 if report.sound else 1


def _tell(report: reports.Report) -> None:
    for name, counts in ((_("observations"), report.observations), (_("events"), report.events)):
        line = _("{name}: {c.committed} committed, {c.stored} stored, {c.repeated} repeated, {c.lost_unreported} lost")
        print(line.format(name=name, c=counts))  # noqa: T201
    line = _("situations: {s.opened} opened, {s.cleared} cleared; camera: {c.frames_analysed} looks, {c.events} events")
    print(line.format(s=report.situations, c=report.camera))  # noqa: T201
    screen = report.latency_s.sensor_to_screen
    if screen.p50 is not None:
        print(_("sensor to screen: {s.p50:.2f} s median, {s.p95:.2f} s at 95 %").format(s=screen))  # noqa: T201
    if not report.sound:
        line = _("haechi demo: something was repeated, lost or left behind ({held} parcels still held)")
        print(line.format(held=report.held), file=sys.stderr)  # noqa: T201


def _duration(text: str) -> float:
    match = _DURATION.fullmatch(text)
    if not match or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(_("expected a time such as 90s, 5m or 1h, not {text}").format(text=repr(text)))
    return float(match[1]) * _UNITS_S[match[2] or "s"]


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.1 <= speed <= 100:
        raise argparse.ArgumentTypeError(_("expected a number from 0.1 to 100, not {text}").format(text=repr(text)))
    return speed


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(_("expected a port from 0 to 65535, not {text}").format(text=repr(text)))
    return int(text)
