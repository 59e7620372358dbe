"""The process of one camera: ``python -m haechi.edge.vision.process``, started by :mod:`.supervise`.

Promise: it reads one :class:`~.messages.Start` from standard input, then writes messages only, whatever its libraries
print; log lines go to standard error. It ends by itself when the gateway does, when the detector cannot be loaded (3),
and when :mod:`.camera_loop`, which watches the camera, is at its end: a file is over (0), the driver hangs (4).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import BinaryIO

import cv2
import msgspec

from haechi.edge.clock import read_system_us
from haechi.edge.vision import closely, evidence
from haechi.edge.vision.bounds import be_expendable, bound_memory
from haechi.edge.vision.camera_loop import CameraLoop
from haechi.edge.vision.capture import Capture
from haechi.edge.vision.choosing import choose
from haechi.edge.vision.clipping import Clipper
from haechi.edge.vision.clips import People
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.detector import open_detector
from haechi.edge.vision.known_view import KnownView
from haechi.edge.vision.messages import CameraState, ClipMissed, ClipWanted, Health, Message, Start, encoded
from haechi.edge.vision.models.errors import ModelError
from haechi.edge.vision.reports import Send
from haechi.text import _

EXIT_NO_MODEL = 3

_NICENESS = 5  # a look may wait, the gateway's alarms and its queue may not


def _take_over_stdout() -> BinaryIO:
    """Keeps standard output for messages; what libraries print goes to standard error from now on."""
    pipe = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return pipe


def _hear_gateway(clipper: Clipper | None, send: Send) -> None:
    """Takes orders until the end of standard input, which comes when the gateway is gone, however it went."""
    for line in sys.stdin.buffer:
        wanted = msgspec.json.decode(line, type=ClipWanted)
        if clipper is not None:
            clipper.want(wanted)
        else:
            reason = _("this camera makes no clips: its detector knows no people, whose heads would have to be blurred")
            send(ClipMissed(event=wanted.event, reason=reason))
    os._exit(0)


def _sealed(camera: str, public_key: bytes, content: bytes, time_us: int, media_type: str) -> bytes:
    # Loaded where it is wanted: cameras that keep no originals need no cryptography.
    from haechi.edge.vision import sealing

    return sealing.seal(content, sealing.Label(camera=camera, time_us=time_us, media_type=media_type), public_key)


def _people_of(config: CameraConfig, memory: Path | None) -> People:
    """Finds everybody who may be there; memory is given back with what is returned."""
    chosen = choose(config.detector, memory).config
    detector = open_detector(chosen, ("person",), score_min=evidence.PERSON_SCORE_MIN)
    return partial(closely.people, detector)


def main() -> int:
    """The process; returns its exit code."""
    be_expendable()
    pipe = _take_over_stdout()

    writing = threading.Lock()

    def send(message: Message) -> None:
        data = memoryview(encoded(message))
        with writing:
            while data:
                data = data[pipe.write(data) :]

    # Ctrl-C in a terminal reaches every process there; when to end is the gateway's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)
    start = msgspec.json.decode(sys.stdin.buffer.readline(), type=Start)
    config = CameraConfig.model_validate(start.config)
    cv2.setNumThreads(1)
    memory = None if start.memory is None else Path(start.memory)
    seal = None if start.seal_to is None else partial(_sealed, config.id, start.seal_to)
    clipper = None
    if config.makes_clips:
        clipper = Clipper(
            config,
            send,
            clock_us=read_system_us,
            clock_s=time.monotonic,
            open_people=partial(_people_of, config, memory),
            turn=start.turn,
            seal=seal,
        )
    threading.Thread(target=_hear_gateway, args=(clipper, send), name="gateway", daemon=True).start()
    try:
        chosen = choose(config.detector, memory)
        detector = open_detector(chosen.config, config.classes, score_min=evidence.PERSON_SCORE_MIN)
    except ModelError as error:
        send(Health(state=CameraState.NO_MODEL, message=str(error)))
        return EXIT_NO_MODEL
    bound_memory()
    try:
        return CameraLoop(
            config,
            detector,
            send,
            active=frozenset(start.active),
            faults=frozenset(start.faults),
            without_pictures_s=start.without_pictures_s,
            clipper=clipper,
            seal=seal,
            known_view=None if memory is None else KnownView(memory, config),
            said_detector=chosen.said,
            open_capture=partial(Capture, ring=None if clipper is None else clipper.ring),
        ).run()
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    # Threads of a library that hangs must not keep the process from ending.
    os._exit(main())
