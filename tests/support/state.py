"""A state database as tests need it: made empty, faster than a new one, and kept in order as a cloud does it."""

from sqlalchemy import Engine

from haechi.cloud.state import changes, fence
from haechi.cloud.state.engine import reading, writing
from haechi.cloud.state.retention import CHORES
from haechi.cloud.state.schema import metadata


def empty(engine: Engine) -> None:
    """Make all tables anew."""
    with writing(engine) as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)


def keep_house(engine: Engine, at_us: int) -> list[str]:
    """Do every chore; return the keys of pictures that nothing refers to any more."""
    unused: list[str] = []
    for chore in CHORES:
        with writing(engine) as connection:
            unused += chore(connection, at_us)
    return unused


def inspect(engine: Engine, at_us: int, **limits: int) -> list[str]:
    """Raise and take down fences; return the gateways that are treated differently from now on."""
    with reading(engine) as connection:
        reasons = fence.inspect(connection, at_us, **limits)
    with writing(engine) as connection:
        changed = fence.stand(connection, reasons)
        changes.append_all(connection, changed, at_us)
    return [change.key for _tenant, change in changed]
