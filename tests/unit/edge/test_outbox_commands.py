"""What a technician reads of an outbox: how full it is, what is wrong with it, how large it must be."""

import re
from pathlib import Path

import pytest

from haechi.command import main
from haechi.contract.codec import encode_body
from haechi.contract.parcel import Parcel
from haechi.edge.config import OutboxConfig
from haechi.edge.outbox import Batch, Draft, Rank
from haechi.edge.outbox.opening import open_store
from support.cameras import GATEWAY

NOW_US = 1_800_000_000_000_000


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "gateway.toml"
    file.write_text(GATEWAY, encoding="utf-8")
    return file


def fill(folder: Path) -> None:
    """Two parcels of a hundred values, 12 s apart."""
    opening = open_store(folder, 2**20, lambda newest_us: max(newest_us, NOW_US))
    body = encode_body(Parcel(epoch_order=1, epoch_number=1)) + bytes(400)
    for at_us in (NOW_US, NOW_US + 12_000_000):
        opening.store.commit(Batch((Draft(Rank.LIVE, body, 100),)), at_us)
    opening.store.close()
    opening.lock.close()


def test_the_status_says_what_waits_and_for_how_long_there_is_room(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(config.parent / "data")
    (config.parent / "data" / "outbox.sqlite.damaged-000001").touch()
    assert main(["edge", "outbox", "status", "--config", str(config)]) == 0
    said = {line[:24].strip(): line[25:] for line in capsys.readouterr().out.splitlines()}
    assert said["waiting parcels"] == "2"
    assert said["oldest waiting"] == "2027-01-15T08:00:00+00:00"
    assert said["newest committed"] == "2027-01-15T08:00:12+00:00"
    assert "without the cloud" in said["hours left"]
    assert said["observations committed"] == "200"
    assert said["damaged files"] == "outbox.sqlite.damaged-000001"


def test_without_an_outbox_there_is_one_line(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edge", "outbox", "status", "--config", str(config)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "has the agent run yet?" in said.err


def test_the_size_is_one_that_a_configuration_takes(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for rate, hours in ((0.001, 0.001), (1000, 24)):
        assert main(["edge", "outbox", "size", "--rate", str(rate), "--hours", str(hours)]) == 0
        key, _, value = capsys.readouterr().out.splitlines()[0].partition(" = ")
        OutboxConfig.model_validate({key: int(value)})


@pytest.mark.parametrize(("hours", "said"), [("0.1", r"room for [\d.]+ MiB$"), ("1e8", r"room for [\d.]+ MiB only$")])
def test_the_size_is_held_against_the_disk(
    config: Path, capsys: pytest.CaptureFixture[str], hours: str, said: str
) -> None:
    fill(config.parent / "data")
    assert main(["edge", "outbox", "size", "--rate", "10", "--hours", hours, "--config", str(config)]) == 0
    text = capsys.readouterr().out
    assert "measured in its outbox" in text
    assert re.search(said, text, re.MULTILINE)
