"""Who is asking, what they may, and what they did."""

from datetime import datetime

from pydantic import Field

from haechi.cloud.event_monitor.views.answers import View
from haechi.cloud.workflow_manager.roles import Role


class Session(View):
    """Who is asking."""

    name: str | None = Field(description="Of the account; empty where there are no accounts, null: not signed in.")
    role: Role | None = Field(description="What they may; null: nothing.")


class Account(View):
    """Somebody, or a program, and what they may."""

    name: str
    role: Role
    tenants: list[str] | None = Field(description="The cities that they may look at; null: all.")
    gateways: list[str] | None = Field(description="The gateways that they may command; null: all.")
    program: bool = Field(description="It has a token instead of a password.")
    token: str | None = Field(None, description="Of a new program's account, told this once; nobody can read it again.")


class Audit(View):
    """Who did what, when and why."""

    id: int
    at: datetime | None
    who: str = Field(description="Of the account; empty where there were no accounts.")
    action: str = Field(
        description="`acknowledge`, `shelve`, `unshelve`, `close`, `command`, `clip`, `sign_in`, `sign_in_refused`, "
        "`account`."
    )
    key: str = Field(description="Id of the situation, command or event, or the name of the account.")
    reason: str = Field(description="Why, in their own words.")
    detail: str
    command: str | None = Field(description="Id of the command by which a gateway was told so.")
    outcome: str = Field(description="Of a command or clip: its state now; else empty.")
    outcome_detail: str = Field(description="One line: why.")
