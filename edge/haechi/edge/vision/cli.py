"""``haechi camera evaluate|preview|originals``: how well a camera counts, what it sees, what it keeps sealed."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
from pydantic import ValidationError

from haechi.command import UsageError
from haechi.edge.clock import read_system_us
from haechi.edge.config_file import ConfigError, explain, load
from haechi.edge.vision import discover_cli, evidence, originals_cli, preview
from haechi.edge.vision.config import WITHOUT_MODEL, CameraConfig, DetectorConfig
from haechi.edge.vision.detector import Detector, open_detector
from haechi.edge.vision.evaluation import levels, straight_down
from haechi.edge.vision.evaluation import run as evaluation
from haechi.edge.vision.evaluation import truth as truths
from haechi.edge.vision.evaluation.truth import Truth, TruthError
from haechi.edge.vision.live import LivePage, Scene
from haechi.edge.vision.models.errors import ModelError
from haechi.edge.vision.progress import Progress
from haechi.edge.vision.source import CannotOpen
from haechi.edge.vision.tracker import SCORE_MIN_UNSURE
from haechi.text import _


def register(parser: argparse.ArgumentParser) -> None:
    """Fills the parser of ``haechi camera``."""
    parser.description = _("Cameras: judge one on a clip, see its lines and zones.")
    commands = parser.add_subparsers(title=_("commands"), required=True)

    judge = commands.add_parser("evaluate", help=_("replay a clip by its own time and compare with the truth"))
    judge.add_argument("clip", type=Path, help=_("video file, or a MOT Challenge sequence's folder"))
    judge.add_argument(
        "--truth",
        type=Path,
        required=True,
        metavar="FILE",
        help=_("MOT Challenge's gt.txt, or TOML: [[line]], [[quiet]]"),
    )
    judge.add_argument("--config", type=Path, metavar="FILE", help=_("judge a camera of this gateway's file instead"))
    judge.add_argument("--camera", metavar="ID", help=_("which of its cameras"))
    judge.add_argument("--precision", choices=("fp32", "int8"), help=_("form of the detector to judge"))
    judge.add_argument("--model", help=_("detector to judge: a name, an .onnx file, or `background`"))
    judge.add_argument("--input-size", choices=("256x416", "192x320"), help=_("input of the detector to judge"))
    judge.add_argument("--json", type=Path, metavar="OUT", help=_("also write the figures there"))
    judge.set_defaults(run=_answering(_evaluate))

    measure = commands.add_parser("levels", help=_("read a camera's gauges in single pictures"))
    measure.add_argument("pictures", type=Path, nargs="+", help=_("JPEG or PNG files, or folders of them"))
    measure.add_argument("--config", type=Path, required=True, metavar="FILE", help=_("the gateway's TOML file"))
    measure.add_argument("--camera", metavar="ID", help=_("which of its cameras; may be left out when there is one"))
    measure.add_argument("--truth", type=Path, metavar="FILE", help=_("TOML: [[level]] entries, read by eye"))
    measure.add_argument("--json", type=Path, metavar="OUT", help=_("also write the figures there"))
    measure.set_defaults(run=_answering(_levels))

    show = commands.add_parser("preview", help=_("show a camera with lines, zones and masks drawn"))
    show.add_argument("--config", type=Path, required=True, metavar="FILE", help=_("the gateway's TOML file"))
    show.add_argument("--camera", metavar="ID", help=_("which of its cameras; may be left out when there is one"))
    how = show.add_mutually_exclusive_group(required=True)
    how.add_argument("--out", type=Path, metavar="FILE", help=_("PNG file to write"))
    how.add_argument("--live", action="store_true", help=_("show it as it is now, on a page for this machine alone"))
    show.add_argument("--port", type=int, default=0, help=_("of that page; any free one unless given"))
    show.set_defaults(run=_answering(_preview))

    found = commands.add_parser("discover", help=_("find ONVIF cameras on this network and their streams"))
    discover_cli.register(found)
    found.set_defaults(run=_answering(found.get_default("run")))

    originals_cli.register(commands.add_parser("originals", help=_("what is kept sealed, and releasing it")))


def _answering(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        cv2.setNumThreads(1)
        _silence_libraries()
        try:
            return command(arguments)
        except (CannotOpen, ConfigError, ModelError, TruthError) as error:
            raise UsageError(str(error)) from None

    return run


def _silence_libraries() -> None:
    """OpenCV and FFmpeg write lines of their own about what cannot be opened; ours says it once and clearly."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _evaluate(arguments: argparse.Namespace) -> int:
    if arguments.camera and not arguments.config:
        raise UsageError(_("--camera: say in which file with --config"))
    if not arguments.clip.exists():
        raise UsageError(_("{path}: there is no such file").format(path=arguments.clip))
    if arguments.json and not arguments.json.absolute().parent.is_dir():
        raise UsageError(_("--json {path}: there is no such folder").format(path=arguments.json))
    truth = truths.read(arguments.truth)
    camera = _camera(arguments.config, arguments.camera) if arguments.config else None
    config, names = evaluation.scene(str(arguments.clip.absolute()), truth, camera)
    # What `auto` takes depends on the machine, and the answer must not.
    precision = arguments.precision or ("fp32" if config.detector.precision == "auto" else None)
    chosen = {"model": arguments.model, "precision": precision, "input_size": arguments.input_size}
    config = _with_detector(config, {key: value for key, value in chosen.items() if value})
    judged = _replayed(arguments.clip, config, truth, names)
    if beyond := judged.frames_without_picture():
        sys.stderr.write(
            _("warning: the truth names {count} frames beyond the clip's end; do they belong together?").format(
                count=beyond
            )
            + "\n"
        )
    if missing := judged.frames_missing():
        text = _("warning: {count} frames that the clip says it has cannot be read; is it cut short?")
        sys.stderr.write(text.format(count=missing) + "\n")
    report = judged.report()
    if judged.recognising.in_vain:
        _tell_in_vain(judged.recognising.looks, judged.recognising.recognised)
        free_to_choose = not arguments.model and camera is None
        if free_to_choose and (instead := straight_down.camera_for(config, truth, names)):
            moving, lines = instead
            sys.stderr.write(_("the lines are counted by --model background now; --model nanodet-g insists") + "\n")
            report["lines"] = _replayed(arguments.clip, moving, lines, names).report()["lines"]
            report["lines_counted_by"] = moving.detector.model
    if arguments.json:
        _write(arguments.json, (json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode())
    _tell(report)
    return 0


def _replayed(clip: Path, config: CameraConfig, truth: Truth, names: Mapping[str, str]) -> evaluation.Evaluation:
    score_min = SCORE_MIN_UNSURE if truth.frames is None else evaluation.RAW_SCORE_MIN
    judged = evaluation.Evaluation(
        config, truth, names, open_detector(config.detector, config.classes, score_min=score_min)
    )
    with Progress() as shown:
        judged.run(lambda share: shown(clip.name, share))
    return judged


def _tell_in_vain(looks: int, recognised: int) -> None:
    sys.stderr.write(
        _(
            "hint: something large moved in {looks} looks, and the detector recognised something there in "
            "{recognised} of them; a camera that looks straight down counts with --model background"
        ).format(looks=looks, recognised=recognised)
        + "\n"
    )


def _levels(arguments: argparse.Namespace) -> int:
    camera = _camera(arguments.config, arguments.camera)
    truth = () if arguments.truth is None else levels.read_truth(arguments.truth)
    judged = levels.judge(camera, levels.listed(arguments.pictures), truth)
    report = levels.report(judged)
    if arguments.json:
        _write(arguments.json, (json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode())
    for one in judged:
        level = _("uncertain: {doubt}").format(doubt=one.doubt) if one.level_m is None else f"{one.level_m:.3f} m"
        _say(f"{one.picture}, {one.gauge}: {level}")
    _say(_("{told} told, {uncertain} uncertain").format(**report))
    if report["with_truth"]:
        _say(
            _("{with_truth} with a truth: {right} right within 3 % of the picture's height, {wrong} wrong").format(
                **report
            )
        )
    return 0


def _with_detector(config: CameraConfig, changes: dict[str, str]) -> CameraConfig:
    try:
        return CameraConfig.model_validate(
            config.model_dump() | {"detector": config.detector.model_dump() | changes},
        )
    except ValidationError as error:
        raise UsageError(explain(error)) from None


def _preview(arguments: argparse.Namespace) -> int:
    config = _camera(arguments.config, arguments.camera)
    # The detector first: without it nobody's head could be blurred, so no picture may be taken.
    exact = config.detector.model_copy(update={"precision": "fp32"})
    if exact.model in WITHOUT_MODEL:
        exact = DetectorConfig(precision="fp32")
    detector = open_detector(exact, ("person",), score_min=evidence.PERSON_SCORE_MIN)
    if arguments.live:
        return _live(config, detector, arguments.port)
    picture = preview.take(config, clock_us=read_system_us).colours()
    _write(arguments.out, preview.draw(picture, config, detector))
    _say(
        _("{path}: {width} x {height}, {lines} lines, {zones} zones, {masks} masks").format(
            path=arguments.out,
            width=picture.shape[1],
            height=picture.shape[0],
            lines=len(config.lines),
            zones=len(config.zones),
            masks=len(config.masks),
        )
    )
    return 0


def _live(config: CameraConfig, detector: Detector, port: int) -> int:
    def tell(address: str) -> None:
        _say(_("open {address} within this machine, once; Ctrl-C ends it").format(address=address))

    page = LivePage(Scene(config, detector, clock_us=read_system_us), config.name or config.id)
    try:
        asyncio.run(page.serve(port, tell))
    except OSError as error:
        raise UsageError(_("--port {port}: {reason}").format(port=port, reason=error.strerror or error)) from None
    except KeyboardInterrupt:
        return 0
    return 0


def _camera(path: Path, id_: str | None) -> CameraConfig:
    cameras = {camera.id: camera for camera in load(path).camera}
    if id_ is None and len(cameras) == 1:
        (id_,) = cameras
    if id_ is None or id_ not in cameras:
        known = ", ".join(cameras) or "–"
        raise UsageError(
            _("{path}: expected --camera with one of: {known}").format(path=path, known=known)
            if id_ is None
            else _("{path}: there is no camera {id}; expected one of: {known}").format(path=path, id=id_, known=known)
        )
    return cameras[id_]


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(_("{path}: cannot be written: {reason}").format(path=path, reason=error.strerror)) from None


def _tell(report: dict[str, Any]) -> None:
    for line in report["lines"]:
        for direction in ("forward", "backward"):
            _say(
                _("line {name}, {direction}: counted {counted}, truth {truth}").format(
                    name=line["name"], direction=direction, **line[direction]
                )
            )
    if report["boxes"] is not None:
        figures = {key: "–" if value is None else value for key, value in report["boxes"].items()}
        _say(
            _(
                "boxes: AP50 {ap50} (one look at the whole picture {ap50_bare}), precision {precision}, "
                "recall {recall}, identity switches {id_switches}"
            ).format(**figures)
        )
    if report["heads"] is not None:
        _say(_("heads: {covered} of {persons} persons over 40 px covered by the blur").format(**report["heads"]))
    for stretch in report["quiet"]:
        bound = "–" if stretch["per_hour_upper_95"] is None else stretch["per_hour_upper_95"]
        _say(
            _("quiet {name}: {events} events in {hours} h; at most {bound} an hour with 95 % confidence").format(
                name=stretch["name"], events=stretch["events"], hours=stretch["hours"], bound=bound
            )
        )
    _say(
        _(
            "cost: {ms_per_frame} ms a frame, {cpu_s} s CPU; {frames} frames, {frames_looked_at} looked at, "
            "{frames_analysed} analysed"
        ).format(**report["cost"])
    )


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the command's own output
