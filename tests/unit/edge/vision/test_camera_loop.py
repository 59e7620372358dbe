"""What a camera's process says for what it sees, with pictures and a detector of our own."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from haechi.edge.vision.camera_loop import EXIT_HUNG, CameraLoop
from haechi.edge.vision.capture import Frame
from haechi.edge.vision.config import CameraConfig
from haechi.edge.vision.detection import Detection
from haechi.edge.vision.geometry import Box, Point
from haechi.edge.vision.known_view import KnownView
from haechi.edge.vision.messages import CameraState, Counts, Health, Message, ViewChange, ZoneChange
from haechi.edge.vision.picture import Drawn
from haechi.edge.vision.source import CannotOpen
from support.moving import between, seen

START_US = 1_700_000_000_000_000
PICTURE = np.full((90, 160, 3), 90, np.uint8)
CAMERA = CameraConfig.model_validate(
    {
        "id": "cam-1",
        "url": "clip.mp4",
        "place": "bridge",
        "looks_per_s": 30,
        "count_period_s": 1,
        "motion": {"enabled": False},
        "lines": [{"name": "gate", "a": (0, 0.5), "b": (1, 0.5)}],
        "zones": [{"name": "bank", "kind": "intrusion", "polygon": [(0, 0.6), (1, 0.6), (1, 1), (0, 1)]}],
    }
)


class Walker:
    """A detector that sees somebody walk down the picture, and then nobody."""

    def __init__(self, looks: int) -> None:
        self._boxes: Iterator[list[Detection]] = iter(
            [[seen(between(Point(0.5, 0.2), Point(0.5, 0.95), i / looks))] for i in range(looks)]
        )

    input_px = None

    def look(self, picture: NDArray[np.uint8]) -> list[Detection]:
        return next(self._boxes, [])


class Clip:
    """A capture that gives so many pictures, five for each second of its own time."""

    def __init__(self, frames: int, *, then: CannotOpen | None = None, hangs: bool = False) -> None:
        self.frames_read = 0
        self.ended = False
        self.hung = False
        self.closed = False
        self.decoding_cpu_s = 0.0
        self.left_out = 0
        self.made_way = 0
        self.description = "160x90 h264"
        self.standing_s = 0.0
        self._frames = frames
        self._then = then
        self._hangs = hangs

    def newest(self, timeout_s: float) -> Frame | None:
        if self.frames_read == self._frames:
            if self._then is not None:
                raise self._then
            self.ended = not self._hangs
            self.hung = self._hangs
            return None
        self.frames_read += 1
        return Frame(Drawn(PICTURE), START_US + self.frames_read * 200_000, self.frames_read * 0.2)

    def make_way(self) -> None:
        self.made_way += 1

    def close(self) -> None:
        self.closed = True


def run(clips: Iterable[Clip], detector: Walker, *, active: frozenset[str] = frozenset()) -> tuple[int, list[Message]]:
    said: list[Message] = []
    todo = iter(clips)

    def send(message: Message) -> None:
        # The loop goes on using its health: keep what it was when it was said.
        said.append(
            Health(**{f: getattr(message, f) for f in message.__struct_fields__})
            if isinstance(message, Health)
            else message
        )

    def open_capture(_config: CameraConfig, *, clock_us: Callable[[], int]) -> Any:
        return next(todo)

    loop = CameraLoop(CAMERA, detector, send, active=active, open_capture=open_capture, sleep=lambda _seconds: None)
    return loop.run(), said


def test_a_walk_over_the_line_into_the_zone_and_away() -> None:
    code, said = run([Clip(100)], Walker(40))
    assert code == 0
    counts = [message for message in said if isinstance(message, Counts)]
    assert sum(message.lines["gate"][0] for message in counts) == 1
    assert sum(message.lines["gate"][1] for message in counts) == 0
    assert len({message.time_us for message in counts}) == len(counts)
    raised, cleared = (message for message in said if isinstance(message, ZoneChange))
    assert (raised.raised, raised.label, raised.number) == (True, "person", 1)
    assert raised.snapshot is not None
    assert raised.snapshot.jpeg.startswith(b"\xff\xd8")
    assert not cleared.raised
    assert cleared.snapshot is None
    assert cleared.lasted_s > 5
    assert START_US < raised.time_us < cleared.time_us
    last = said[-1]
    assert isinstance(last, Health)
    assert (last.state, last.frames_looked_at, last.frames_analysed) == (CameraState.ENDED, 100, 100)


class Covered(Clip):
    """A stream that turns black after ten seconds and is well again after thirty."""

    def newest(self, timeout_s: float) -> Frame | None:
        frame = super().newest(timeout_s)
        if frame is None or not 50 < self.frames_read <= 150:
            return frame
        return frame._replace(picture=Drawn(np.full_like(PICTURE, 10)))


def test_nothing_is_said_of_a_period_in_which_nobody_could_see() -> None:
    _code, said = run([Covered(200)], Walker(0))
    told_s = [(message.time_us - START_US) / 1e6 for message in said if isinstance(message, Counts)]
    assert told_s == sorted(told_s)
    assert len([at_s for at_s in told_s if at_s < 12]) in (10, 11)
    assert not [at_s for at_s in told_s if 12 < at_s < 30]
    assert len([at_s for at_s in told_s if at_s > 34]) >= 5
    # What ran when it turned black is told when its time is over, not when the view is back.
    order = [type(message) for message in said if isinstance(message, (Counts, ViewChange))]
    assert order.index(ViewChange) in (10, 11)


def test_a_condition_from_before_a_restart_is_cleared() -> None:
    _code, said = run([Clip(60)], Walker(0), active=frozenset({"bank"}))
    (change,) = (message for message in said if isinstance(message, ZoneChange))
    assert not change.raised


def test_what_the_view_should_be_is_kept_as_soon_as_it_is_known(tmp_path: Path) -> None:
    """A process that ends within minutes, again and again, must not learn a turned view each time."""
    for frames, is_kept in ((30, False), (60, True)):
        keeper = KnownView(tmp_path, CAMERA)
        loop = CameraLoop(
            CAMERA,
            Walker(0),
            lambda _message: None,
            known_view=keeper,
            open_capture=opens(Clip(frames)),
            sleep=lambda _s: None,
        )
        loop.run()
        assert (keeper.read() is not None) == is_kept


def test_a_driver_that_hangs_ends_the_process_and_the_camera_is_closed() -> None:
    clip = Clip(3, hangs=True)
    code, said = run([clip], Walker(0))
    assert code == EXIT_HUNG
    assert clip.closed
    lost = next(message for message in reversed(said) if isinstance(message, Health))
    assert lost.state is CameraState.LOST
    assert lost.message.startswith(f"{CAMERA.url}: sends no more pictures")
    # What was counted in the running period is not lost with the process.
    assert isinstance(said[-1], Counts)


def test_a_camera_that_refuses_is_left_alone_until_its_login_is_another(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("user:wrong")
    opened_after_s: list[float] = []
    slept_s = 0.0

    def sleep(seconds: float) -> None:
        nonlocal slept_s
        slept_s += seconds
        if slept_s > 60:
            secret.write_text("user:right")

    def open_capture(_config: CameraConfig, *, clock_us: Callable[[], int]) -> Any:
        opened_after_s.append(slept_s)
        refuses = not secret.read_text().endswith("right")
        return Clip(0, then=CannotOpen("refused", is_refused=True)) if refuses else Clip(1)

    config = CAMERA.model_copy(update={"credentials_file": secret})
    loop = CameraLoop(config, Walker(0), lambda _message: None, open_capture=open_capture, sleep=sleep)
    assert loop.run() == 0
    first_s, last_s = opened_after_s[0], opened_after_s[-1]
    assert first_s == 0
    assert 60 < last_s < 62
    assert len(opened_after_s) < 5


class Slow(Walker):
    """A detector that takes a second a look."""

    def __init__(self, clock: list[float]) -> None:
        super().__init__(0)
        self._clock = clock

    def look(self, picture: NDArray[np.uint8]) -> list[Detection]:
        self._clock[0] += 1.0
        return []


class Dear(Clip):
    """A stream whose decoding takes nine tenths of a core, or another share."""

    def __init__(self, clock: list[float], share: float = 0.9) -> None:
        super().__init__(60)
        self._clock = clock
        self._begun_s, self._share = clock[0], share

    def newest(self, timeout_s: float) -> Frame | None:
        self._clock[0] += 0.2
        self.decoding_cpu_s = self._share * (self._clock[0] - self._begun_s)
        return super().newest(timeout_s)


def opens(clip: Clip) -> Callable[..., Any]:
    return lambda _config, clock_us: clip


def test_a_stream_that_is_too_dear_is_named_with_its_cost_and_lets_the_others_go_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, said = [1000.0], []
    clip = Dear(clock)
    monkeypatch.setattr("haechi.edge.vision.camera_loop.time.monotonic", lambda: clock[0])
    loop = CameraLoop(
        CAMERA,
        Walker(0),
        lambda message: said.append(message.message) if isinstance(message, Health) else None,
        open_capture=opens(clip),
        sleep=lambda _seconds: None,
    )
    loop.run()
    assert "decoding 160x90 h264 takes 90 % of a core: choose a smaller stream of the camera in url" in said
    assert clip.made_way


def test_of_a_stream_that_decoding_does_not_keep_up_with_is_told_how_much_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Behind(Dear):
        def newest(self, timeout_s: float) -> Frame | None:
            self.left_out += 3
            return super().newest(timeout_s)

    clock, said = [1000.0], []
    monkeypatch.setattr("haechi.edge.vision.camera_loop.time.monotonic", lambda: clock[0])

    def send(message: Message) -> None:
        if isinstance(message, Health):
            said.append((message.message, message.frames_left_out))

    CameraLoop(CAMERA, Walker(0), send, open_capture=opens(Behind(clock)), sleep=lambda _seconds: None).run()
    assert any("takes 90 % of a core and keeps up with 25 % of its pictures" in message for message, _count in said)
    assert said[-1][1] == 183


def test_a_camera_that_recognises_nothing_of_what_moves_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, said = [1000.0], []
    monkeypatch.setattr("haechi.edge.vision.camera_loop.time.monotonic", lambda: clock[0])
    loop = CameraLoop(
        CAMERA,
        Walker(0),
        lambda message: said.append((message.state, message.message)) if isinstance(message, Health) else None,
        open_capture=opens(Dear(clock, 0.1)),
        sleep=lambda _seconds: None,
    )
    for _ in range(20):
        loop._looker.recognising.note([Box(0.2, 0.2, 0.6, 0.6)], [])
    loop.run()
    (advice,) = {message for state, message in said if state is CameraState.RUNNING}
    assert "does the camera look straight down?" in advice


def test_a_machine_that_is_too_slow_looks_less_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("haechi.edge.vision.camera_loop.time.perf_counter", lambda: clock[0])
    loop = CameraLoop(CAMERA, Slow(clock), lambda _message: None, open_capture=opens(Clip(5)), sleep=lambda _s: None)
    loop.run()
    assert loop._looker.parts_max == 0


@pytest.mark.parametrize(("days", "over"), [(0, [False]), (3, [])])
def test_a_picture_of_days_ago_is_no_sign_that_its_camera_works(days: int, over: list[bool]) -> None:
    said: list[Message] = []
    loop = CameraLoop(
        CAMERA,
        Walker(0),
        said.append,
        faults=frozenset({"no_picture"}),
        without_pictures_s=100,
        clock_us=lambda: START_US + days * 86_400_000_000,
        open_capture=opens(Clip(5)),
        sleep=lambda _seconds: None,
    )
    loop.run()
    assert [message.raised for message in said if isinstance(message, ViewChange)] == over
