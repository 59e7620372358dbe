"""Receipts: what was written to the time-series store since when, so that one that was restored is filled again.

A receipt names a stretch of numbers of one epoch, stored one after another within ten minutes. Parcels that brought
nothing for the time-series store or the object store need none.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, update

from haechi.cloud.state import ranges
from haechi.cloud.state.gateways import hold
from haechi.cloud.state.ranges import EpochName, of_epoch
from haechi.cloud.state.schema import epochs, gateways, markers, receipts
from haechi.contract.ranges import RangeSet

RECEIPT_US_MAX = 600_000_000
"""One receipt gathers what is stored one after another for so long …"""
RECEIPT_MARKERS_MAX = 10
"""… and while no more markers than these are issued."""

_issued = select(func.coalesce(func.max(markers.c.issued), 0)).scalar_subquery()
_LENGTHEN = (
    update(receipts)
    .where(
        of_epoch(receipts),
        receipts.c.last == bindparam("before"),
        receipts.c.stored_at_us.between(bindparam("since_us"), bindparam("now_us")),
        receipts.c.marker > _issued - RECEIPT_MARKERS_MAX,
    )
    .values(last=bindparam("until"), observations=receipts.c.observations + bindparam("more"))
)
_BEGIN = insert(receipts).values(marker=_issued)


def write(connection: Connection, name: EpochName, observations: Mapping[int, int], now_us: int) -> None:
    """Note what was stored now: number → how many observations it was counted for."""
    for first, last in RangeSet((seq, seq) for seq in observations).ranges:
        counted = sum(observations[seq] for seq in range(first, last + 1))
        lengthened = connection.execute(
            _LENGTHEN,
            {
                **name.parameters,
                "before": first - 1,
                "until": last,
                "more": counted,
                "since_us": now_us - RECEIPT_US_MAX,
                "now_us": now_us,
            },
        )
        if not lengthened.rowcount:
            row = {**name._asdict(), "first": first, "last": last, "stored_at_us": now_us, "observations": counted}
            connection.execute(_BEGIN, row)


def since_time(since_us: int) -> ColumnElement[bool]:
    """Return which receipts may hold what was stored since then, by the cloud's clock."""
    return receipts.c.stored_at_us > since_us - RECEIPT_US_MAX


def since_marker(number: int) -> ColumnElement[bool]:
    """Return which receipts may hold what was stored after that marker was, whatever the clock did; 0 for all."""
    return receipts.c.marker >= (number - RECEIPT_MARKERS_MAX if number else 0)


def concerned(connection: Connection, since: ColumnElement[bool]) -> Sequence[tuple[str, str]]:
    """Return the gateways (tenant, name) that have such receipts."""
    columns = (receipts.c.tenant, receipts.c.gateway)
    rows = connection.execute(select(*columns).where(since).distinct().order_by(*columns))
    return [(row.tenant, row.gateway) for row in rows]


def rewind(connection: Connection, tenant: str, gateway: str, since: ColumnElement[bool]) -> dict[EpochName, RangeSet]:
    """Forget that what these receipts name is stored, so that the gateway sends it again; return what that was.

    The gateway's counter forgets it as well, and counts it again when it comes.
    """
    hold(connection, tenant, gateway)
    ours = (receipts.c.tenant == tenant, receipts.c.gateway == gateway, since)
    rows = connection.execute(select(receipts).where(*ours).order_by(receipts.c.epoch)).all()
    withdrawn: dict[EpochName, RangeSet] = {}
    for epoch, some in groupby(rows, key=lambda receipt: bytes(receipt.epoch)):
        name = EpochName(tenant, gateway, epoch)
        received = RangeSet((receipt.first, receipt.last) for receipt in some)
        stored = ranges.stored_among(connection, name, received)
        if stored:
            ranges.withdraw(connection, name, stored)
            again = update(epochs).where(of_epoch(epochs)).values(closed=False, asks=0, missing_since_us=None)
            connection.execute(again, name.parameters)
            withdrawn[name] = stored
    counted = sum(receipt.observations for receipt in rows)
    row = (gateways.c.tenant == tenant, gateways.c.gateway == gateway)
    connection.execute(update(gateways).where(*row).values(observations=gateways.c.observations - counted))
    connection.execute(delete(receipts).where(*ours))
    return withdrawn
