"""Originals: sealed before they touch a disk, bounded, and released only with an entry that nobody can take back."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from haechi.command import main
from haechi.edge.vision import sealing
from haechi.edge.vision.originals import (
    Journal,
    JournalBroken,
    Originals,
    let_go_everywhere,
    listed,
    listed_everywhere,
)
from haechi.edge.vision.sealing import Label, SealError
from support.cameras import GATEWAY

DAY_US = 86_400_000_000
NOW_US = 1_800_000_000_000_000
LABEL = Label(camera="cam-1", time_us=NOW_US, media_type="image/jpeg")
PRIVATE, PUBLIC = sealing.new_pair()
CAMERA = """
[[camera]]
id = "cam-1"
url = "clip.mp4"
place = "bridge"
originals = { public_key_file = "city.pub.pem" }
"""


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, bytes]:
    """The private key's file, and the raw public key."""
    (tmp_path / "city.pem").write_bytes(PRIVATE)
    (tmp_path / "city.pub.pem").write_bytes(PUBLIC)
    return tmp_path / "city.pem", sealing.read_public_key(tmp_path / "city.pub.pem")


@pytest.fixture
def gateway(tmp_path: Path, keys: tuple[Path, bytes]) -> Path:
    """A gateway's configuration, with one original kept."""
    config = tmp_path / "gateway.toml"
    config.write_text(GATEWAY + CAMERA, encoding="utf-8")
    sealed = sealing.seal(b"a face", LABEL, keys[1])
    store = Originals(tmp_path / "data" / "originals" / "cam-1", bytes_max=10**6, days_max=7)
    store.keep(sealed, event="event-00001", time_us=NOW_US, media_type="image/jpeg", now_us=NOW_US)
    return config


def test_only_the_private_key_opens_a_seal(keys: tuple[Path, bytes]) -> None:
    sealed = sealing.seal(b"a face", LABEL, keys[1])
    assert b"face" not in sealed
    assert sealing.label_of(sealed) == LABEL
    assert sealing.opened(sealed, sealing.read_private_key(keys[0])) == (LABEL, b"a face")
    other, _public = sealing.new_pair()
    keys[0].write_bytes(other)
    with pytest.raises(SealError, match="for another key"):
        sealing.opened(sealed, sealing.read_private_key(keys[0]))


def test_no_two_seals_share_a_key(keys: tuple[Path, bytes]) -> None:
    assert sealing.seal(bytes(64), LABEL, keys[1])[-80:] != sealing.seal(bytes(64), LABEL, keys[1])[-80:]


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_byte_that_was_changed_breaks_the_seal(position: int, change: int) -> None:
    private = X25519PrivateKey.from_private_bytes(bytes(range(32)))
    sealed = bytearray(sealing.seal(b"a face", LABEL, private.public_key().public_bytes_raw()))
    sealed[position % len(sealed)] ^= change
    with pytest.raises(SealError):
        sealing.opened(bytes(sealed), private)


@given(st.binary(max_size=200))
def test_rubbish_is_no_seal(content: bytes) -> None:
    for damaged in (content, b"HAECHI SEALED 1\n" + content):
        with pytest.raises(SealError):
            sealing.label_of(damaged)


def test_a_key_of_another_kind_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(PRIVATE)
    with pytest.raises(SealError, match="expected an X25519 public key in PEM"):
        sealing.read_public_key(tmp_path / "key.pem")
    with pytest.raises(SealError, match="cannot be read"):
        sealing.read_public_key(tmp_path / "nowhere.pem")


def test_the_oldest_go_when_there_is_no_room_or_time(tmp_path: Path) -> None:
    store = Originals(tmp_path / "cam-1", bytes_max=1000, days_max=2)
    for number in range(5):
        store.keep(
            bytes(300),
            event=f"event-{number:05d}",
            time_us=NOW_US + number,
            media_type="video/mp4" if number % 2 else "image/jpeg",
            now_us=NOW_US + number,
        )
    assert [one.event for one in listed(tmp_path / "cam-1")] == ["event-00002", "event-00003", "event-00004"]
    store.let_go(NOW_US + 2 * DAY_US + 4)
    assert [one.event for one in listed(tmp_path / "cam-1")] == ["event-00004"]
    with pytest.raises(ValueError, match=r"originals\.bytes_max"):
        store.keep(bytes(1001), event="event-00009", time_us=NOW_US, media_type="image/jpeg", now_us=NOW_US)


def test_only_the_gateways_user_may_read_the_folder(tmp_path: Path) -> None:
    store = Originals(tmp_path / "cam-1", bytes_max=1000, days_max=2)
    store.keep(b"sealed", event="event-00001", time_us=NOW_US, media_type="image/jpeg", now_us=NOW_US)
    assert (tmp_path / "cam-1").stat().st_mode & 0o077 == 0


def test_a_release_is_written_down_before_it_is_handed_out(
    gateway: Path, keys: tuple[Path, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    out = gateway.with_name("out.jpg")
    words = ["camera", "originals", "release", "event-00001", "--config", str(gateway), "--by", "Officer Kim"]
    words += ["--why", "order 2026-117", "--out", str(out)]
    assert main([*words, "--key", str(keys[0])]) == 0
    assert (out.read_bytes(), out.stat().st_mode & 0o077) == (b"a face", 0)
    journal = gateway.parent / "data" / "originals" / "releases.jsonl"
    (entry,) = (json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines())
    assert (entry["by"], entry["why"], entry["form"], entry["camera"]) == (
        "Officer Kim",
        "order 2026-117",
        "opened",
        "cam-1",
    )
    assert main(["camera", "originals", "verify", "--config", str(gateway)]) == 0
    assert "1 releases" in capsys.readouterr().out


def test_nothing_is_handed_out_that_could_not_be_written_down(
    gateway: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = gateway.parent / "data" / "originals" / "releases.jsonl"
    journal.write_text('rubbish\n{"number": 1}\n', encoding="utf-8")
    out = gateway.with_name("out.sealed")
    words = ["camera", "originals", "release", "event-00001", "--config", str(gateway), "--by", "a", "--why", "b"]
    assert main([*words, "--out", str(out)]) == 2
    assert "the journal was changed at line 1" in capsys.readouterr().err
    assert not out.exists()


def test_without_the_key_it_stays_sealed(gateway: Path, keys: tuple[Path, bytes]) -> None:
    out, journal = gateway.with_name("out.sealed"), gateway.with_name("office.jsonl")
    words = ["--by", "a", "--why", "b"]
    first = ["camera", "originals", "release", "event-00001", "--config", str(gateway), *words, "--out", str(out)]
    assert main(first) == 0
    assert b"face" not in out.read_bytes()
    opened = gateway.with_name("opened.jpg")
    second = ["camera", "originals", "release", str(out), "--journal", str(journal), "--key", str(keys[0]), *words]
    assert main([*second, "--out", str(opened)]) == 0
    assert opened.read_bytes() == b"a face"


def test_the_old_go_though_no_new_one_comes_and_their_camera_is_configured_no_more(tmp_path: Path) -> None:
    for camera, days_max in (("quiet", 2.0), ("gone", 3.0), ("unknown", 1.0)):
        store = Originals(tmp_path / camera, bytes_max=1000, days_max=days_max)
        store.keep(b"sealed", event="event-00001", time_us=NOW_US, media_type="image/jpeg", now_us=NOW_US)
    (tmp_path / "unknown" / "days_max").write_text("for ever")
    (tmp_path / "gone" / "half.new").touch()
    (tmp_path / "releases.jsonl").touch()
    quiet = Originals(tmp_path / "quiet", bytes_max=1000, days_max=2)
    kept = {}
    for day in (1.5, 2.5, 3.5, 7.5):
        let_go_everywhere(tmp_path, {"quiet": quiet}, NOW_US + int(day * DAY_US))
        kept[day] = sorted(one.camera for one in listed_everywhere(tmp_path))
    assert kept == {1.5: ["gone", "quiet", "unknown"], 2.5: ["gone", "unknown"], 3.5: ["unknown"], 7.5: []}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["quiet", "releases.jsonl"]


def test_letting_go_tears_no_original_that_is_being_written(tmp_path: Path) -> None:
    (tmp_path / "cam-1").mkdir()
    (tmp_path / "cam-1" / "half.new").touch()
    let_go_everywhere(tmp_path, {"cam-1": Originals(tmp_path / "cam-1", bytes_max=1000, days_max=2)}, NOW_US)
    assert (tmp_path / "cam-1" / "half.new").exists()
    let_go_everywhere(tmp_path / "nowhere", {}, NOW_US)


def test_a_release_that_a_power_cut_tore_is_told_and_stops_no_other(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, now=lambda: datetime(2026, 11, 22, tzinfo=UTC))
    journal.note(by="somebody", what="1")
    journal.note(by="somebody", what="2")
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in (*range(first, len(whole) - 1, 19), len(whole) - 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        there = journal.verify()
        entire = cut == len(whole) - 1  # only the end of its line is missing
        assert (there.releases, there.torn) == (2, 0) if entire else (1, int(cut > first))
        journal.note(by="somebody", what="3")
        assert (journal.verify().releases, journal.verify().torn) == (there.releases + 1, there.torn)
        again = path.read_bytes()
        assert again.startswith(whole[:cut])
        # The cut may come again, while the torn line is named.
        path.write_bytes(again[: cut + 1 + (cut % 40)])
        journal.note(by="somebody", what="4")
        assert journal.verify().torn <= 2


def test_what_a_power_cut_tore_cannot_be_taken_out_or_put_in(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, now=lambda: datetime(2026, 11, 22, tzinfo=UTC))
    journal.note(by="somebody", what="1")
    path.write_bytes(path.read_bytes() + b'{"number": 2, "at')
    journal.note(by="somebody", what="2")
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 4
    for changed in ([lines[0], *lines[2:]], [lines[0], b"x" + lines[1], *lines[2:]], [b"rubbish\n", *lines]):
        path.write_bytes(b"".join(changed))
        with pytest.raises(JournalBroken):
            journal.verify()


def test_an_entry_that_was_forged_whole_breaks_with_the_one_after(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", now=lambda: datetime(2026, 11, 22, tzinfo=UTC))
    for number in range(3):
        journal.note(by="somebody", what=str(number))
    other = Journal(tmp_path / "other.jsonl", now=lambda: datetime(2026, 11, 22, tzinfo=UTC))
    for number in range(2):
        other.note(by="nobody" if number else "somebody", what=str(number))
    lines = (tmp_path / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    lines[1] = (tmp_path / "other.jsonl").read_text(encoding="utf-8").splitlines()[1]
    (tmp_path / "journal.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(JournalBroken, match="line 3"):
        journal.verify()


@given(st.integers(0, 3), st.sampled_from(["change", "drop", "swap"]))
def test_a_journal_that_was_changed_says_where(line: int, how: str) -> None:
    path = Path(f"/tmp/haechi-journal-{os.getpid()}.jsonl")
    path.unlink(missing_ok=True)
    journal = Journal(path, now=lambda: datetime(2026, 11, 22, tzinfo=UTC))
    for number in range(5):
        journal.note(by="somebody", what=str(number))
    assert journal.verify().releases == 5
    lines = path.read_text(encoding="utf-8").splitlines()
    if how == "change":
        lines[line] = lines[line].replace("somebody", "nobody")
    elif how == "drop":
        del lines[line]
    else:
        lines[line], lines[line + 1] = lines[line + 1], lines[line]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        with pytest.raises(JournalBroken, match=f"line {line + 1}"):
            journal.verify()
    finally:
        path.unlink()
