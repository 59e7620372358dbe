"""Keeps one task alive, whatever it throws. The only place that catches every exception.

A task that ends is started again: after the delay that its error names, else after a pause that doubles up to a
minute and begins anew once the task has run well for a minute. What cannot work until a person acts (a configuration
that is impossible) is left failed. Each state is said once, on the board and in the log, without a traceback for what
is expected.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping

from haechi.edge.health import Health, State
from haechi.edge.outbox import OutboxError
from haechi.sdk.errors import ConfigError, NotConnected
from haechi.text import _

_log = logging.getLogger("haechi.edge.supervisor")
_FIRST_S, _MOST_S, _STEADY_S = 1.0, 60.0, 60.0
_WISHED_S_MIN, _WISHED_S_MAX = 0.1, 3600.0


class Supervised:
    """One task's name, kind and state."""

    def __init__(
        self,
        name: str,
        kind: str,
        health: Health,
        counters: Mapping[str, int] | None,
        *,
        now_s: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float],
    ) -> None:
        """``counters`` is read live for the status; ``chance`` gives numbers from 0 to 1."""
        self._name, self._kind, self._health, self._counters = name, kind, health, counters
        self._now_s, self._sleep, self._chance = now_s, sleep, chance
        self._said = ""
        self._pause_s = _FIRST_S
        self.is_running = False

    def running(self) -> None:
        """Say that it works: its first sample has come."""
        if self._said:
            _log.info("%s %s: works again", self._kind, self._name)
            self._said = ""
        self.is_running = True
        self._tell("running", "")

    async def keep(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` again and again until cancelled.

        Raises:
            OutboxError: the outbox failed, which no restart of this task can mend.
        """
        self._tell("starting", "")
        while True:
            begun_s = self._now_s()
            try:
                await work()
                line, wait_s = _("ended by itself"), None
            except OutboxError:
                raise
            except ConfigError as error:
                self._say(str(error))
                self._tell("failed", str(error))
                return
            except NotConnected as error:
                line, wait_s = error.what, _sane(error.retry_after_s)
            except Exception as error:  # noqa: BLE001 - a partner's bug must stop nothing else
                line, wait_s = f"{type(error).__name__}: {error}", None
                _log.debug("%s %s", self._kind, self._name, exc_info=True)
            if self._now_s() - begun_s > _STEADY_S:
                self._pause_s = _FIRST_S
            if wait_s is None:
                wait_s = self._pause_s * (0.75 + self._chance() / 2)
                self._pause_s = min(_MOST_S, self._pause_s * 2)
            self.is_running = False
            self._say(line)
            self._tell("retrying", line)
            await self._sleep(wait_s)

    def _say(self, line: str) -> None:
        if line != self._said:
            self._said = line
            _log.warning("%s %s: %s", self._kind, self._name, line)

    def _tell(self, state: State, detail: str) -> None:
        self._health.component(self._name, self._kind, state, detail, self._counters)


def _sane(wished_s: float) -> float | None:
    """Return when an adapter wishes to be tried again, within bounds; None where it says no number."""
    return min(max(wished_s, _WISHED_S_MIN), _WISHED_S_MAX) if math.isfinite(wished_s) else None
