"""What a gateway may be told: written by the operator, within what the device can."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from haechi.edge.commands.allowed import ActuatorConfig, allowed, read_key
from support.command_desk import LIGHT, Post


@pytest.mark.parametrize("wrong", [{"maximum": float("inf")}, {"unit": "x" * 33}, {"characters_max": 9999}])
def test_what_no_status_could_say_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="light: "):
        replace(LIGHT, **wrong).checked()


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (
            {"device": "post-2", "name": "siren"},
            r"actuator\[0\]\.device = 'post-2': there is no such thing; known: post-1",
        ),
        ({"device": "post-1", "name": "door"}, r"actuator\[0\]\.name = 'door': post-1 only has: light, sign, siren"),
        (
            {"device": "post-1", "name": "light", "minimum": 20},
            r"its fail-safe state 10.0 lies outside: expected 20 to",
        ),
    ],
)
def test_an_actuator_that_cannot_be_is_one_line(written: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        allowed([ActuatorConfig(**written)], {"post-1": Post()})


def test_the_tighter_bounds_hold() -> None:
    written = ActuatorConfig(device="post-1", name="light", minimum=-5, maximum=50, on_s_max=9999)
    (one,) = allowed([written], {"post-1": Post()}).values()
    assert (one.actuator.minimum, one.actuator.maximum, one.actuator.on_s_max) == (0.0, 50.0, 3600.0)
    assert one.fault(60.0, None) == "expected 0 to 50 %"


def test_a_key_is_read_from_its_file_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("short-secret\n", encoding="ascii")
    with pytest.raises(ValueError, match="expected 32 characters or more") as caught:
        read_key(path)
    assert "short-secret" not in str(caught.value)
    with pytest.raises(ValueError, match="No such file"):
        read_key(tmp_path / "nowhere")
    path.write_text("k" * 40 + "\nmore\n", encoding="ascii")
    assert (read_key(path), read_key(None)) == (b"k" * 40, b"")
