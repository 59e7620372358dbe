"""Rules about recorded bytes: they mean what they meant, and damaged or broken off they never mean something else."""

# ruff: noqa: S101 - this is a test suite: asserts are its business, and the names of the tests say what they test

from collections.abc import Callable, Iterator

import pytest

from haechi.sdk.recording import Recording, load_recordings
from haechi.sdk.replaying import replayed
from haechi.sdk.testing.suite import Suite

_SHARE_TOLERANCE = 0.001
_PLAYED_S = 1.0
"""How long playing a recording takes at most; one that is shorter is played as it was."""


class RecordingRules(Suite):
    """What an adapter makes of the bytes in ``recordings/``."""

    @pytest.mark.asyncio
    async def test_recordings_mean_what_they_meant(self) -> None:
        """By ``decode``; and where it is known what was asked and when, by the adapter itself, as it ships."""
        if self.skips_files("recordings_mean_what_they_meant"):
            return
        recordings = load_recordings(self.folder)
        assert recordings, "recordings/ is empty"
        for name, recording in recordings.items():
            decoded, written = self.decode(recording.data, recording), recording.values
            place = next(
                (at for at, (one, other) in enumerate(zip(decoded, written, strict=False)) if one != other), None
            )
            assert place is None, f"{name}: value {place + 1} is {decoded[place]}, and {written[place]} is written"
            assert len(decoded) == len(written), f"{name}: {len(decoded)} values, and {len(written)} are written"
            if recording.wire:
                await self._means_the_same_to_the_adapter(name, recording)

    async def _means_the_same_to_the_adapter(self, name: str, recording: Recording) -> None:
        speed = max(1.0, sum(passage.after_ms for passage in recording.wire) / 1000 / _PLAYED_S)
        played = await replayed(self.adapter, recording.config, recording.wire, speed)
        surplus = [value for value in played if value not in recording.values]
        assert not surplus, f"{name}: played to the adapter it gives {surplus[0]}, which is not written"
        # What is asked may be asked otherwise than it was recorded, as with numbered questions.
        is_said = all(passage.way == "came" for passage in recording.wire)
        assert played or not is_said, f"{name}: played to the adapter it gives nothing"

    def test_damage_is_never_a_value(self) -> None:
        """Where a protocol has a check field, no change of one byte of a recording makes a new value."""
        if self.skips_files("damage_is_never_a_value"):
            return
        checked = {name: one for name, one in load_recordings(self.folder).items() if one.check_field}
        assert checked, (
            "no recording says check_field = true: say so where the protocol has one, else exempt in conformance.toml"
        )
        for name, recording in checked.items():
            for place, change, damaged in _damages(recording):
                surplus = [value for value in self.decode(damaged, recording) if value not in recording.values]
                assert not surplus, f"{name}: byte {place} changed by {change:#04x} became {surplus}"

    def test_prefix_is_never_a_value(self) -> None:
        """However early a recording breaks off, what was whole is told and nothing else."""
        if self.skips_files("prefix_is_never_a_value"):
            return
        for name, recording in load_recordings(self.folder).items():
            for size in range(len(recording.data)):
                decoded = self.decode(recording.data[:size], recording)
                assert decoded == recording.values[: len(decoded)], f"{name}: its first {size} bytes became {decoded}"

    def test_undetectable_damage_is_told(self, record_property: Callable[[str, object], None]) -> None:
        """Where there is no check field: how many changes of one byte make another value, as conformance.toml says."""
        if self.skips_files("undetectable_damage_is_told"):
            return
        for name, recording in load_recordings(self.folder).items():
            if recording.check_field:
                continue
            share = self.undetectable_share(recording)
            record_property(f"undetectable {name}", round(share, 4))
            declared = self.declared_share(name)
            assert declared is not None, f'conformance.toml needs [undetectable] "{name}" = {share:.4f}'
            assert abs(share - declared) <= _SHARE_TOLERANCE, f"{name}: {share:.4f} is unseen, {declared} is declared"

    def undetectable_share(self, recording: Recording) -> float:
        """Return which share of all changes of one byte makes a value that was not recorded."""
        unseen = tried = 0
        for _place, _change, damaged in _damages(recording):
            tried += 1
            unseen += any(value not in recording.values for value in self.decode(damaged, recording))
        return unseen / max(tried, 1)


def _damages(recording: Recording) -> Iterator[tuple[int, int, bytes]]:
    """Yield every change of one byte: its place, what was changed, and the bytes."""
    damaged = bytearray(recording.data)
    for place in range(len(damaged)):
        for change in range(1, 256):
            damaged[place] ^= change
            yield place, change, bytes(damaged)
            damaged[place] ^= change
