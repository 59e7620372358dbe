"""Descriptions of places, things and datastreams: the newest word of each gateway by (epoch order, seq).

A place may be described by several gateways, whose orders cannot be compared: there the last word that came stands.
"""

from sqlalchemy import Connection, bindparam, select

from haechi.cloud.state.schema import datastreams, places, things
from haechi.cloud.state.upsert import upsert
from haechi.contract.parcel import Parcel

_WITH_DEVICE_TIME = select(datastreams.c.id).where(
    datastreams.c.tenant == bindparam("of_tenant"),
    datastreams.c.gateway == bindparam("of_gateway"),
    datastreams.c.device_time,
)


def describe(connection: Connection, tenant: str, gateway: str, seq: int, parcel: Parcel) -> bool:
    """Write what a parcel describes; return whether there was anything. An older word overwrites no newer one."""
    version = {"epoch_order": parcel.epoch_order, "seq": seq}
    upsert(
        connection,
        places,
        [
            {
                "tenant": tenant,
                "id": place.id,
                "name": place.name,
                "latitude": place.latitude,
                "longitude": place.longitude,
            }
            for place in parcel.places
        ],
    )
    upsert(
        connection,
        things,
        [
            {
                "tenant": tenant,
                "gateway": gateway,
                "id": thing.id,
                "name": thing.name,
                "kind": thing.kind,
                "place": thing.place,
                "latitude": thing.latitude,
                "longitude": thing.longitude,
                "adapter": thing.adapter,
                **version,
            }
            for thing in parcel.things
        ],
        newer_by=("epoch_order", "seq"),
    )
    upsert(
        connection,
        datastreams,
        [
            {
                "tenant": tenant,
                "gateway": gateway,
                "id": datastream.id,
                "thing": datastream.thing,
                "observed_property": datastream.observed_property,
                "unit": datastream.unit,
                "name": datastream.name,
                "kind": datastream.kind,
                "period_s": datastream.period_s,
                "device_time": datastream.device_time,
                "device_zone": datastream.device_clock and datastream.device_clock.zone,
                "device_clock": datastream.device_clock and datastream.device_clock.quality,
                "counter": datastream.counter,
                "rolls_over_at": datastream.rolls_over_at,
                **version,
            }
            for datastream in parcel.datastreams
        ],
        newer_by=("epoch_order", "seq"),
    )
    # Records bring the description of their datastreams with every parcel: that is no news.
    return bool(parcel.places or parcel.things or (parcel.datastreams and not parcel.tables))


def with_device_time(connection: Connection, tenant: str, gateway: str) -> frozenset[str]:
    """Return the datastreams of a gateway whose points bear the device's own record time."""
    return frozenset(connection.execute(_WITH_DEVICE_TIME, {"of_tenant": tenant, "of_gateway": gateway}).scalars())
