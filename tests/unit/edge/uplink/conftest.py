"""The gateway as its uplink sees it, with nothing to say."""

import pytest

from haechi.contract.parcel import ClockQuality
from haechi.edge.uplink.session import Face

NOW_US = 1_800_000_000_000_000


@pytest.fixture
def face() -> Face:
    return Face(
        tenant="city",
        gateway="gate",
        software="haechi",
        now_us=lambda: NOW_US,
        clock_quality=lambda: ClockQuality.SYNCHRONISED,
        new_id=lambda: "0" * 32,
        obey=lambda _command: None,
        heed=lambda _order, _doubts: None,
        parcel_bytes_max=lambda _size: None,
    )
