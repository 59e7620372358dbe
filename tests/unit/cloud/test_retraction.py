"""An alarm that a gateway takes back, through the tables: what somebody acknowledged stays until its time is over."""

import msgspec
import pytest
from sqlalchemy import Engine, select, update

from haechi.cloud.event_handler.handler import handle, sweep
from haechi.cloud.event_handler.situations import RETRACTED_US, Word
from haechi.cloud.state.schema import conditions, situations
from haechi.contract.events import RETRACTS, Event, Phase, Severity

NOW_US = 1_790_000_000_000_000
RAISED = Event(
    id="cam-1-00000001",
    type="security.intrusion",
    source="cam-1",
    subject="bank",
    time_us=NOW_US,
    phase=Phase.RAISED,
    condition="cam-1.bank.intrusion",
    severity=Severity.MODERATE,
)
TAKEN_BACK = msgspec.structs.replace(
    RAISED, id="cam-1-00000002", time_us=NOW_US + 3_000_000, phase=Phase.CLEARED, data={RETRACTS: RAISED.id}
)


def hear(state: Engine, event: Event, seq: int) -> None:
    with state.begin() as connection:
        handle(connection, Word("city", "gw-1", event, (1, seq), event.time_us), late=False)


def stands(state: Engine) -> tuple[bool, bool, bool]:
    with state.begin() as connection:
        row = connection.execute(select(situations.c.open, situations.c.active, situations.c.acknowledged)).one()
        return row.open, row.active, row.acknowledged


@pytest.mark.parametrize("acknowledged", [False, True])
def test_what_is_taken_back_closes_only_what_nobody_has_acknowledged(state: Engine, acknowledged: bool) -> None:
    hear(state, RAISED, 1)
    with state.begin() as connection:
        connection.execute(update(situations).values(acknowledged=acknowledged))
    hear(state, TAKEN_BACK, 2)
    hear(state, TAKEN_BACK, 2)
    assert stands(state) == (acknowledged, False, acknowledged)
    with state.begin() as connection:
        assert not connection.execute(select(conditions.c.active)).scalar_one()


def test_what_was_kept_ends_by_itself_after_a_shift_and_its_handover(state: Engine) -> None:
    hear(state, RAISED, 1)
    with state.begin() as connection:
        connection.execute(update(situations).values(acknowledged=True))
    hear(state, TAKEN_BACK, 2)
    for late_us, is_open in ((RETRACTED_US - 1, True), (RETRACTED_US, False)):
        with state.begin() as connection:
            list(sweep(connection, TAKEN_BACK.time_us + late_us))
        assert stands(state)[0] is is_open
