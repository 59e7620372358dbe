"""Parcels with something of everything, for codec and golden vectors."""

from haechi.contract.events import Event, Evidence, Phase, Severity
from haechi.contract.observations import Quality, Reading, tables
from haechi.contract.parcel import ClockQuality, LossCause, LossRange, LossRecord, Parcel, ParcelName
from haechi.contract.places import Datastream, DeviceClock, Place, Step, Thing

NAME = ParcelName(bytes(range(16)), 7)
START_US = 1_790_000_000_000_000


def observations_parcel() -> Parcel:
    """Integers with a step, plain integers, floats, truths, texts, several rows, a doubtful value."""
    numbered = tuple(f"plc-{index:02d}.register" for index in range(12))
    mixed = ("river-1.level", "river-1.battery", "river-1.pulses", "river-1.door", "river-1.firmware")
    readings = [
        Reading(START_US + row * 1_000_000, numbered, tuple((1000 * row + index) / 10 for index in range(12)))
        for row in range(3)
    ]
    readings += [
        Reading(START_US + 5, mixed, (2.345, 12.625, 4_000_000_000, True, "v1.2 수위")),
        Reading(
            START_US + 1_000_005,
            mixed,
            (-0.001, 12.5, 4_000_000_001, False, ""),
            (Quality.UNCERTAIN, Quality.GOOD, Quality.GOOD, Quality.GOOD, Quality.BAD),
        ),
    ]
    steps = dict.fromkeys(numbered, Step.of("0.1")) | {"river-1.level": Step.of(0.001)}
    return Parcel(
        epoch_order=1_790_000_000,
        epoch_number=417,
        clock=ClockQuality.SYNCHRONISED,
        tables=tables(readings, steps),
    )


def records_parcel() -> Parcel:
    """Records out of a device's own memory: the parcel says by which clock, and what its counts mean."""
    names = ("logger-1.level", "logger-1.pulses")
    records = [Reading(START_US + row * 600_000_000, names, (row / 1000, 65_534 + row)) for row in range(3)]
    clock = DeviceClock(zone="Asia/Seoul", quality="synchronised")
    return Parcel(
        epoch_order=4,
        epoch_number=999,
        clock=ClockQuality.FREE,
        datastreams=[
            Datastream(
                id=names[0],
                thing="logger-1",
                observed_property="water_level",
                unit="m",
                device_time=True,
                device_clock=clock,
            ),
            Datastream(
                id=names[1],
                thing="logger-1",
                observed_property="pulses",
                unit="1",
                device_time=True,
                device_clock=clock,
                counter="total",
                rolls_over_at=65_536.0,
            ),
        ],
        tables=tables(records, {names[0]: Step.of(0.001)}),
    )


def everything_else_parcel() -> Parcel:
    """Descriptions, an event, its picture and a loss."""
    return Parcel(
        epoch_order=3,
        epoch_number=0,
        clock=ClockQuality.LIFTED,
        places=[Place(id="gapcheon", name="갑천 다리", latitude=36.37, longitude=127.38)],
        things=[
            Thing(
                id="river-1",
                name="River gauge 1",
                kind="river_gauge",
                place="gapcheon",
                latitude=36.37,
                longitude=127.38,
                adapter="modbus",
            )
        ],
        datastreams=[
            Datastream(
                id="river-1.level",
                thing="river-1",
                observed_property="water_level",
                unit="m",
                step=(1, 1000),
                period_s=1.0,
            )
        ],
        events=[
            Event(
                id="01900000000000000000000000000001",
                type="flood.level_high",
                source="river-1",
                subject="gapcheon",
                time_us=START_US,
                phase=Phase.RAISED,
                condition="river-1.level.alarm",
                severity=Severity.SEVERE,
                place_name="갑천 다리",
                latitude=36.37,
                longitude=127.38,
                datastream="river-1.level",
                data={"value": 3.21, "threshold": 3.2, "unit": "m"},
                evidence=("01900000000000000000000000000002",),
            )
        ],
        evidence=[
            Evidence(
                id="01900000000000000000000000000002",
                event="01900000000000000000000000000001",
                source="camera-1",
                time_us=START_US,
                width_px=640,
                height_px=360,
                content=b"\xff\xd8\xff\xe0 not a real picture \xff\xd9",
            )
        ],
        losses=[
            LossRecord(
                id="01900000000000000000000000000003",
                cause=LossCause.QUOTA,
                ranges=(LossRange(epoch="00" * 16, first=3, last=9), LossRange(epoch="ff" * 16, first=1, last=None)),
                first_us=START_US,
                last_us=START_US + 5,
                datastreams=("river-1.level",),
                observations=700,
                events=0,
            )
        ],
    )
