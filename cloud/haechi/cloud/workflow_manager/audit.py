"""The audit: who did what, when and why. A row is written in the transaction of what it tells; none is ever changed."""

from typing import Literal

from sqlalchemy import Connection, insert

from haechi.cloud.state.changes import Change
from haechi.cloud.state.schema import audit

Action = Literal[
    "acknowledge", "shelve", "unshelve", "close", "command", "clip", "sign_in", "sign_in_refused", "account"
]
REASON_CHARACTERS_MAX = 500


def note(
    connection: Connection,
    tenant: str,
    who: str,
    action: Action,
    key: str,
    at_us: int,
    *,
    reason: str = "",
    detail: str = "",
    command: str | None = None,
) -> Change:
    """Write a row; return the one for the change feed.

    Args:
        connection: the transaction of what was done.
        tenant: in which city.
        who: the account's name; empty without accounts.
        action: what was done.
        key: to what: the id of a situation, command or event, or the name of an account.
        at_us: when.
        reason: why, in that person's own words.
        detail: more of what, in one line.
        command: id of the command by which a gateway was told so.
    """
    row = {"tenant": tenant, "who": who, "action": action, "key": key, "at_us": at_us, "command": command}
    done = connection.execute(insert(audit), {**row, "reason": reason, "detail": detail})
    number = done.inserted_primary_key[0] if done.inserted_primary_key else 0
    return Change("audit", str(number))
