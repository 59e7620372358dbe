"""A state database made empty, faster than a new one."""

from sqlalchemy import Engine

from haechi.cloud.state.engine import writing
from haechi.cloud.state.schema import metadata


def empty(engine: Engine) -> None:
    """Make all tables anew."""
    with writing(engine) as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
