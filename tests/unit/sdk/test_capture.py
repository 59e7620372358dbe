"""A recording says what passed the wire, no more: secrets are hidden, it is bounded, and it reads back as written."""

import asyncio
import base64
import tomllib
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.sdk.capture import Recorder, as_toml, blanked, without_secrets
from haechi.sdk.recording import Recording

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
KEYS = st.from_regex(r"[a-z][a-z_]{0,10}", fullmatch=True)
VALUES = st.one_of(TEXTS, st.integers(), st.booleans(), st.lists(st.integers(), max_size=3))
CONFIGS = st.dictionaries(KEYS, VALUES | st.lists(st.dictionaries(KEYS, VALUES, min_size=1), min_size=1, max_size=2))


def recorded(*passages: tuple[str, bytes], bytes_max: int = 1000) -> Recorder:
    async def record() -> Recorder:
        recorder = Recorder(bytes_max)
        tap = recorder.tap("/dev/ttyUSB0", lambda _data: None)
        for way, data in passages:
            (tap.came if way == "came" else tap.sent)(data)
        return recorder

    return asyncio.run(record())


@settings(max_examples=40)
@given(CONFIGS, TEXTS)
def test_a_recording_reads_back_as_written(config: dict[str, Any], text: str) -> None:
    recorder = recorded(("sent", b"?"), ("came", bytes(range(40))))
    written = as_toml("a provenance long enough", config, recorder, [("level", 1.5), ("state", text)], "CC0-1.0")
    recording = Recording.model_validate(tomllib.loads(written))
    assert recording.config == without_secrets(config)[0]
    assert recording.data == bytes(range(40))
    assert recording.values == [("level", 1.5), ("state", text)]
    assert [(passage.way, passage.data) for passage in recording.wire] == [("sent", b"?"), ("came", bytes(range(40)))]


def test_secrets_stand_neither_in_the_configuration_nor_in_the_bytes() -> None:
    config = {"host": "10.0.0.7", "login": {"user": "haechi", "password": "sesame7"}, "api_key": "k-9"}
    recorder = recorded(("sent", b"USER haechi PASS sesame7\r\n"), ("came", b"welcome, k-9"))
    written = as_toml("a provenance long enough", config, recorder, [], "CC0-1.0")
    recording = Recording.model_validate(tomllib.loads(written))
    assert recording.config["login"] == {"user": "haechi", "password": "***"}
    assert [passage.data for passage in recording.wire] == [b"USER haechi PASS *******\r\n", b"welcome, ***"]
    assert b"sesame7".hex(" ") not in written


def test_a_recording_is_bounded() -> None:
    recorder = recorded(("came", b"12345"), ("came", b"678901"), ("came", b"2"), bytes_max=10)
    assert recorder.is_full
    assert [data for _way, _address, _time_s, data in recorder.passages] == [b"12345"]


def test_a_secret_in_a_file_is_kept_out_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("correct horse\nbattery\n")
    shown, secrets = without_secrets({"url": "mqtt://broker", "username": "gauge", "password_file": str(path)})
    assert shown["password_file"] == str(path)
    said = b"\x00\x05gauge\x00\x0dcorrect horse Basic " + base64.b64encode(b"gauge:correct horse")
    hidden = blanked(said, secrets)
    assert len(hidden) == len(said)
    assert b"horse" not in hidden
    assert b"Z2F1Z2U" not in hidden
    assert without_secrets({"token_file": str(tmp_path / "none")})[1] == []


def test_what_a_url_says_of_who_asks_is_hidden_in_configuration_and_bytes() -> None:
    config = {"url": "https://me:sesame@city.example/v1?serviceKey=AB%2FC123&page=1", "gate_pin": "0420", "pin": 17}
    shown, secrets = without_secrets(config)
    assert shown == {"url": "https://***@city.example/v1?serviceKey=***&page=***", "gate_pin": "***", "pin": 17}
    sent = b"GET /v1?serviceKey=AB%2FC123&page=1 HTTP/1.1 1 AB/C123 17 0420"
    hidden = blanked(sent, secrets)
    assert not any(secret in hidden for secret in (b"AB%2FC123", b"AB/C123", b"page=1", b"0420"))
    assert len(hidden) == len(sent)
    assert hidden.endswith(b"HTTP/1.1 1 ******* 17 ****")


def test_a_secret_that_is_no_text_is_hidden_as_well() -> None:
    shown, secrets = without_secrets({"access_code": 987654, "token": True})
    assert (shown, secrets) == ({"access_code": "***", "token": True}, [b"987654"])
