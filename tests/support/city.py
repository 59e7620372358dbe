"""A small city for the event monitor's tests: the rows that intake and the event handler would write, and nothing else.

Every method writes in one transaction with its rows of the change feed and rings the bell, as the real ones do.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, Table, insert, select, update

from haechi.cloud.event_handler import handler
from haechi.cloud.objects import FolderObjects
from haechi.cloud.services import PartHealth, Services
from haechi.cloud.state import letters, schema
from haechi.cloud.state.changes import Change, ChangeBell, ChangeKind, append
from haechi.cloud.state.engine import open_state, writing
from haechi.cloud.state.letters import Letter
from haechi.cloud.store import Batch, Marker, RefusedPoint, Row, StoreUnavailable
from haechi.cloud.workflow_manager import passwords, people
from haechi.cloud.workflow_manager.roles import Role
from haechi.contract.control import Command, ComponentStatus, GatewayStatus, encode_control
from haechi.contract.events import Event, Evidence, Phase, Severity
from haechi.contract.observations import Value
from haechi.contract.parcel import LossCause, LossRange, LossRecord

TENANT = "daejeon"
GATEWAY = "gw-dunsan"
LEVEL = "river-gauge.water_level"
START_US = 1_780_000_000_000_000
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)
"""A PNG of one transparent pixel."""


class MemoryPoints:
    """Series in memory; down-samples by taking every n-th row, which is all that the monitor's tests need."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], list[Row]] = {}
        self.down = False

    def write(self, batches: Sequence[Batch]) -> list[RefusedPoint]:
        raise NotImplementedError("the monitor never writes points")

    def read(
        self, tenant: str, gateway: str, datastream: str, start_us: int, end_us: int, points_max: int
    ) -> list[Row]:
        if self.down:
            raise StoreUnavailable("http://user:secret@127.0.0.1:8086 is down")
        rows = [row for row in self.rows.get((tenant, gateway, datastream), []) if start_us <= row.time_us < end_us]
        return rows[:: -(-len(rows) // points_max) or 1]

    def count(self, tenant: str, gateway: str | None = None) -> Mapping[str, int]:
        return {}

    def mark(self, name: str, marker: Marker) -> None:
        raise NotImplementedError("the monitor never writes markers")

    def newest_mark(self, name: str) -> Marker | None:
        return None

    def check(self) -> None:
        pass

    def close(self) -> None:
        pass


class City:
    """The state of a city, written row by row.

    Its clock stands at ``now_us`` until a test moves it, or runs with the machine's where ``real_time`` is set. What is
    written is ``tenant``'s, which a test may change between two rows.
    """

    def __init__(self, folder: Path, real_time: bool = False) -> None:
        self.folder = folder
        self.real_time = real_time
        self.points = MemoryPoints()
        self.bell = ChangeBell()
        self.parts = [PartHealth("broker", "ok"), PartHealth("points", "ok")]
        self.state = open_state(f"sqlite:///{folder / 'state.db'}")
        self.objects = FolderObjects(folder / "objects")
        self._stands_us = START_US
        self._orders = 0
        self.commands: list[tuple[str, str, Command]] = []
        """What was sent to which city's gateway."""
        self.tenant = TENANT
        self.command_keys: dict[tuple[str, str], bytes] = {}
        """Of the gateways that obey, by city and name."""

    @property
    def now_us(self) -> int:
        return time.time_ns() // 1000 if self.real_time else self._stands_us

    @now_us.setter
    def now_us(self, now_us: int) -> None:
        self.real_time = False
        self._stands_us = now_us

    def close(self) -> None:
        self.state.dispose()

    def services(self, basemap: Path | None = None, tenants: tuple[str, ...] = (TENANT,)) -> Services:
        def command(tenant: str, gateway: str, asked: Command) -> None:
            self.commands.append((tenant, gateway, asked))

        return Services(
            command=command,
            command_keys=self.command_keys,
            state=self.state,
            points=self.points,
            objects=self.objects,
            bell=self.bell,
            health=lambda: tuple(self.parts),
            tenant=tenants[0],
            tenants=tenants,
            metrics=CollectorRegistry(),
            clock_us=lambda: self.now_us,
            basemap=basemap,
        )

    def insert(self, table: Table, *rows: dict[str, Any], news: Sequence[tuple[ChangeKind, str]] = ()) -> None:
        """Write rows of this tenant and say so in the change feed."""
        with writing(self.state) as connection:
            for row in rows:
                connection.execute(insert(table), {"tenant": self.tenant, **row})
            self._tell(connection, news)
        self.bell.ring()

    def change(self, *news: tuple[ChangeKind, str]) -> None:
        """Write rows of the change feed alone."""
        with writing(self.state) as connection:
            self._tell(connection, news)
        self.bell.ring()

    def gateway(
        self,
        gateway: str = GATEWAY,
        online: bool = True,
        components: Sequence[ComponentStatus] = (),
        problems: Sequence[str] = (),
        **status: Any,
    ) -> None:
        """Let a gateway be seen, online or not."""
        body = GatewayStatus(
            state="online" if online else "offline",
            at_us=self.now_us,
            software="haechi 0.1.0",
            components=tuple(components),
            problems=tuple(problems),
            **status,
        )
        row = {
            "online": online,
            "status": encode_control(body),
            "status_at_us": self.now_us,
            "last_seen_us": self.now_us,
        }
        with writing(self.state) as connection:
            table = schema.gateways
            known = (table.c.tenant == self.tenant) & (table.c.gateway == gateway)
            if not connection.execute(update(table).where(known).values(row)).rowcount:
                connection.execute(insert(table), {"tenant": self.tenant, "gateway": gateway, **row})
            self._tell(connection, [("gateway", gateway)])
        self.bell.ring()

    def account(
        self, name: str, role: Role, *, password: str | None = None, token: str | None = None, **limits: Any
    ) -> None:
        """Make an account; its password is kept at the lowest cost."""
        kept = None if password is None else passwords.kept(password, log_n=1)
        with writing(self.state) as connection:
            people.put(connection, name, role, self.now_us, password=kept, token=token, **limits)

    def place(self, id_: str, name: str, latitude: float, longitude: float) -> None:
        self.insert(schema.places, {"id": id_, "name": name, "latitude": latitude, "longitude": longitude})

    def thing(self, id_: str, kind: str, place: str, at: tuple[float, float], gateway: str = GATEWAY) -> None:
        row = {"gateway": gateway, "id": id_, "name": id_, "kind": kind, "place": place, "adapter": "modbus"}
        self.insert(schema.things, {**row, "latitude": at[0], "longitude": at[1]}, news=[("described", gateway)])

    def datastream(self, id_: str, unit: str, gateway: str = GATEWAY) -> None:
        thing, _, name = id_.partition(".")
        row = {"gateway": gateway, "id": id_, "thing": thing, "observed_property": name, "unit": unit, "name": name}
        self.insert(schema.datastreams, {**row, "kind": "number", "period_s": 1.0, "device_time": False})

    def observe(self, datastream: str, value: Value, gateway: str = GATEWAY, at_us: int | None = None) -> None:
        """Store one observation: the point, and the newest value of its thing."""
        at_us = self.now_us if at_us is None else at_us
        self.points.rows.setdefault((self.tenant, gateway, datastream), []).append(Row(at_us, value, 0))
        thing = datastream.partition(".")[0]
        table = schema.latest
        key = (table.c.tenant == self.tenant) & (table.c.gateway == gateway) & (table.c.thing == thing)
        with writing(self.state) as connection:
            content = connection.execute(select(table.c["values"]).where(key)).scalar()
            values = msgspec.msgpack.decode(content) if content else {}
            values[datastream] = (1, len(self.points.rows), at_us, value, 0)
            packed = msgspec.msgpack.encode(values)
            if not connection.execute(update(table).where(key).values(values=packed)).rowcount:
                row = {"tenant": self.tenant, "gateway": gateway, "thing": thing, "values": packed}
                connection.execute(insert(table), row)
        self.bell.ring([(self.tenant, gateway)])

    def situation(
        self, id_: str, severity: Severity | str = Severity.SEVERE, opened_us: int | None = None, **columns: Any
    ) -> None:
        """Open a situation, or change the one that has this id."""
        now_us = self.now_us
        with writing(self.state) as connection:
            table = schema.situations
            changed = {"severity": str(severity), "updated_us": now_us, **columns}
            if not connection.execute(update(table).where(table.c.id == id_).values(changed)).rowcount:
                row: dict[str, Any] = {
                    "id": id_,
                    "tenant": self.tenant,
                    "place": f"place-{id_}".lower(),
                    "matter": "flood",
                    "severity_max": str(severity),
                    "headline": "flood.level_high",
                    "place_name": "갑천 둔산대교",
                    "latitude": 36.3665,
                    "longitude": 127.3877,
                    "gateway": GATEWAY,
                    "datastream": LEVEL,
                    "opened_us": now_us if opened_us is None else opened_us,
                    "event_count": 1,
                }
                connection.execute(insert(table), {**row, **changed})
            self._tell(connection, [("situation", id_)])
        self.bell.ring()

    def clear(self, id_: str) -> None:
        """Let a situation end."""
        with writing(self.state) as connection:
            over = {"active": False, "open": False, "cleared_us": self.now_us, "updated_us": self.now_us}
            connection.execute(update(schema.situations).where(schema.situations.c.id == id_).values(over))
            self._tell(connection, [("situation", id_)])
        self.bell.ring()

    def event(self, id_: str, situation: str | None = None, late: bool = False, **fields: Any) -> Event:
        """Store an event."""
        body = Event(
            **{
                "id": id_,
                "type": "flood.level_high",
                "source": "river-gauge",
                "subject": "place-1",
                "time_us": self.now_us,
                "phase": Phase.RAISED,
                "condition": "river.alarm",
                "severity": Severity.SEVERE,
                "datastream": LEVEL,
                **fields,
            }
        )
        self._orders += 1
        row = {
            "id": id_,
            "gateway": GATEWAY,
            "type": body.type,
            "source": body.source,
            "subject": body.subject,
            "time_us": body.time_us,
            "phase": body.phase.value,
            "condition": body.condition,
            "severity": body.severity.value,
            "body": msgspec.json.encode(body),
            "epoch_order": 1,
            "seq": self._orders,
            "late": late,
            "stored_at_us": self.now_us,
            "situation": situation,
        }
        self.insert(schema.events, row, news=[("event", id_)])
        return body

    def evidence(self, id_: str, event: str, content: bytes = PICTURE, media_type: str = "image/png") -> None:
        """Store a picture."""
        row = {"id": id_, "event": event, "gateway": GATEWAY, "source": "camera-1", "time_us": self.now_us}
        picture = {"media_type": media_type, "width_px": 640, "height_px": 360, "object": self.objects.put(content)}
        self.insert(schema.evidence, {**row, **picture}, news=[("evidence", id_)])

    def clip_piece(self, id_: str, event: str, content: bytes, piece: int, pieces: int) -> None:
        """Store a piece of a clip as the intake does."""
        part = Evidence(
            id=id_,
            event=event,
            source="camera-1",
            time_us=self.now_us,
            media_type="video/mp4",
            width_px=640,
            height_px=360,
            content=content,
            piece=piece,
            pieces=pieces,
        )
        with writing(self.state) as connection:
            news = handler.attach(connection, self.tenant, GATEWAY, part, self.objects.put(content), self.now_us)
            append(connection, self.tenant, news, self.now_us)
        self.bell.ring()

    def loss(self, id_: str = "loss-0001") -> None:
        """Report a loss."""
        ranges = (LossRange(epoch="ab" * 16, first=3, last=9),)
        record = LossRecord(id=id_, cause=LossCause.QUOTA, ranges=ranges, first_us=START_US, last_us=START_US + 9)
        row = {"id": id_, "gateway": GATEWAY, "cause": "quota", "record": msgspec.json.encode(record)}
        times = {"first_us": START_US, "last_us": START_US + 9, "reported_us": self.now_us}
        self.insert(schema.losses, {**row, **times}, news=[("loss", id_)])

    def dead_letter(self, content: bytes = b"garbage") -> None:
        """Keep something that nobody can read."""
        topic = f"haechi/v1/{self.tenant}/{GATEWAY}/up/live"
        letter = Letter(self.tenant, GATEWAY, topic, "parcel", "no envelope", content)
        with writing(self.state) as connection:
            change = letters.keep(connection, letter, self.now_us)
            append(connection, self.tenant, [change] if change else [], self.now_us)
        self.bell.ring()

    def _tell(self, connection: Connection, news: Sequence[tuple[ChangeKind, str]]) -> None:
        append(connection, self.tenant, [Change(*one) for one in news], self.now_us)
