"""Roles: each may what the one before it may, and more. Pure.

Without any account nobody can be told apart: whoever reaches the server, which listens on its own machine only, then
works as an operator without a name. Commanding devices and looking after accounts always need an account.
"""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody may do."""

    VIEWER = "viewer"
    """See everything of their cities."""
    OPERATOR = "operator"
    """Acknowledge, shelve and close situations, and ask cameras for clips."""
    COMMANDER = "commander"
    """Command devices."""
    ADMIN = "admin"
    """Look after accounts."""

    @property
    def rank(self) -> int:
        """0 (viewer) to 3 (admin), for comparing."""
        return _RANKS[self]


_RANKS = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks."""

    name: str
    """Of the account; empty where there are no accounts."""
    role: Role
    tenants: frozenset[str] | None = None
    """The cities that they may look at; None: all."""
    gateways: frozenset[str] | None = None
    """The gateways whose devices they may command, if they are a commander; None: all."""

    def is_at_least(self, role: Role) -> bool:
        """Tell whether they may what this role may."""
        return self.role.rank >= role.rank

    def may_see(self, tenant: str) -> bool:
        """Tell whether this city is one of theirs."""
        return self.tenants is None or tenant in self.tenants

    def may_command(self, gateway: str) -> bool:
        """Tell whether this gateway of a city of theirs is one that they may command."""
        return self.is_at_least(Role.COMMANDER) and (self.gateways is None or gateway in self.gateways)


ANYBODY = Person("", Role.OPERATOR)
"""Whoever reaches the server while there are no accounts."""
