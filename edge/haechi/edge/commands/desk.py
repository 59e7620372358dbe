"""Takes commands, carries them out one after another for each device, and sets back what has been on long enough.

The order of steps is the promise: looked up, judged, journalled on the disk, judged again, written once, and what
became of it journalled and told. What is due to be set back goes before any command. A device that hangs holds up only
its own commands.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from haechi.contract.control import (
    ACTUATORS_MAX,
    COMMAND_S_MAX,
    RESULTS_MAX,
    ActuatorStatus,
    Command,
    CommandResult,
)
from haechi.contract.observations import Value
from haechi.contract.parcel import ClockQuality
from haechi.edge.commands.allowed import Allowed
from haechi.edge.commands.journal import ENTRIES_MAX, Entry, Journal, JournalFull
from haechi.edge.health import Health
from haechi.edge.outbox import OutboxDamaged, OutboxError
from haechi.sdk.errors import NotDone
from haechi.text import _

_log = logging.getLogger("haechi.edge.commands")
ACTUATE_S_MAX = 10.0
"""A device that has not confirmed after so long is taken for unknown."""
_WAITING_MAX = 16
_SAFE_AGAIN_S = 5.0
_DETAIL_CHARACTERS_MAX = 200
_AHEAD_S = COMMAND_S_MAX + 60


@dataclass(frozen=True)
class Clocks:
    """What the desk tells the time by."""

    now_us: Callable[[], int]
    """The wall clock."""
    quality: Callable[[], ClockQuality]
    now_s: Callable[[], float]
    """Monotonic."""


@dataclass
class _Hand:
    """What waits for one device."""

    waiting: asyncio.Queue[tuple[Command, float] | None] = field(default_factory=lambda: asyncio.Queue(_WAITING_MAX))
    """Commands with the moment in which they came; None only wakes."""
    back_at_s: dict[str, float] = field(default_factory=dict)
    """By actuator that may be away from its fail-safe state: when it is set back (monotonic)."""
    states: dict[str, Value] = field(default_factory=dict)
    """By actuator: what the device has confirmed last; without those of which nobody knows."""


class CommandDesk:
    """All commands of a gateway; nothing else writes to devices."""

    def __init__(
        self,
        allowed: Mapping[tuple[str, str], Allowed],
        journal: Journal,
        clocks: Clocks,
        health: Health,
        on_result: Callable[[], None],
        is_ours: Callable[[Command], bool],
        *,
        order_clip: Callable[[Command], None],
        journal_lost: bool = False,
    ) -> None:
        """Make a desk; no device is told anything before :meth:`run`.

        Args:
            allowed: what may be commanded, by device and actuator.
            journal: where commands are put down.
            clocks: what the time is told by.
            health: shown what cannot be set back.
            on_result: called when :attr:`results` has grown, or something was set back.
            is_ours: tells whether somebody gave a command who may.
            order_clip: hands a wish for a clip to its camera; harms nobody, so it needs no journal.
            journal_lost: True where nobody knows what stood in the journal: then everything is set back at the start,
                and nothing carried out until nothing that may have stood there is valid any more.
        """
        self._allowed, self._journal, self._clocks = allowed, journal, clocks
        self._journal_lost = journal_lost
        self._refuses_until_s = clocks.now_s() + (COMMAND_S_MAX if journal_lost else 0.0)
        self._not_ready = _("the journal is not read yet")
        self._has_ended = False
        self._health, self._on_result, self._is_ours = health, on_result, is_ours
        self._order_clip = order_clip
        self.counters: Counter[str] = Counter(forged=0)
        self._hands = {device: _Hand() for device, _actuator in allowed}
        self._results: dict[str, CommandResult] = {}
        self._given: dict[str, None] = {}
        """What is not new: waiting, in the journal, or told already; as many as the journal remembers."""

    @property
    def results(self) -> tuple[CommandResult, ...]:
        """What became of the last commands, oldest first."""
        return tuple(self._results.values())

    @property
    def actuators(self) -> tuple[ActuatorStatus, ...]:
        """What may be commanded, and how it stands: what the cloud is told, so at most as many as a status takes."""
        told = list(self._allowed.values())[:ACTUATORS_MAX]
        return tuple(self._status_of(one, self._hands[one.device]) for one in told)

    def give(self, command: Command) -> None:
        """Take a command in the moment it came; what becomes of it is told in :attr:`results`, of a clip by its camera.

        One that is not sealed with this gateway's key is counted, and answered with nothing.
        """
        if not self._is_ours(command):
            self.counters["forged"] += 1
            _log.warning("command %s does not bear this gateway's seal: somebody else can publish here", command.id)
            return
        if command.id in self._given:
            _log.info("command %s came again and is not carried out again", command.id)
            self._on_result()
            return
        if command.name == "clip":
            self._remember(command.id)
            self._order_clip(command)
            return
        device, actuator = command.thing or "", command.actuator or ""
        if (device, actuator) not in self._allowed:
            self._refuse(command, _("{device}.{name} may not be commanded here").format(device=device, name=actuator))
            return
        now_s = self._clocks.now_s()
        if self._has_ended:
            self._refuse(command, _("the gateway stops"))
            return
        if self._not_ready or now_s < self._refuses_until_s:
            # It may have been carried out before, so nobody can say that nothing was written.
            lost = _("the journal was lost lately: it cannot tell whether this is new")
            self._refuse(command, self._not_ready or lost, state="unknown")
            return
        self._remember(command.id)
        try:
            self._hands[device].waiting.put_nowait((command, now_s))
        except asyncio.QueueFull:
            self._refuse(
                command, _("{count} commands wait for {device} already").format(count=_WAITING_MAX, device=device)
            )

    async def run(self, ready: Callable[[], None]) -> None:
        """Carry out until cancelled; what another run has left open is judged first. ``ready`` is called after that."""
        if self._journal_lost:
            await asyncio.gather(*(self._set_back(device, self._hands[device], name) for device, name in self._allowed))
        # What must be set back waits for no disk.
        serving = [asyncio.create_task(self._serve(device, hand)) for device, hand in self._hands.items()]
        try:
            await self._take_over_in_time()
            ready()
            await asyncio.gather(*serving)
        finally:
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)

    async def finish(self) -> None:
        """Set everything back that may be away from its fail-safe state, once: nobody watches its time any more.

        Call it when :meth:`run` has ended, and nothing is carried out any more.
        """
        self._has_ended = True
        away = [(device, hand, name) for device, hand in self._hands.items() for name in list(hand.back_at_s)]
        await asyncio.gather(*(self._set_back(*one) for one in away))

    async def _take_over_in_time(self) -> None:
        while True:
            try:
                await self._take_over()
            except OutboxDamaged:
                raise
            except OutboxError as error:
                self._not_ready = str(error)
                await asyncio.sleep(_SAFE_AGAIN_S)
            else:
                self._not_ready = ""
                return

    async def _take_over(self) -> None:
        entries = await self._journal.entries()
        open_ones = [one for one in entries if one.state == "begun"]
        detail = _("the gateway ended while it was carried out; it is not tried again")
        closed = {one.id: replace(one, state="unknown", detail=detail) for one in open_ones}
        if closed:
            await self._journal.finish(list(closed.values()))
            _log.warning(
                "%d commands were under way when the gateway ended: nobody knows what became of them", len(closed)
            )
        for one in entries:
            if one.away:
                self._bring_back(one)
            result = closed.get(one.id, one).result()
            if one.id in self._results:  # it came again before this was known; the newer word counts
                result = replace(result, at_us=self._clocks.now_us())
            self._remember(one.id)
            self._tell(result)

    def _bring_back(self, entry: Entry) -> None:
        """Have set back what an earlier run has left away from its fail-safe state, or say that nobody may."""
        name = f"{entry.device}.{entry.actuator}"
        if (entry.device, entry.actuator) not in self._allowed:
            what = _("{name} may be away from its fail-safe state, and no [[actuator]] lets it be set back: look at it")
            self._health.problem(f"away {name}", what.format(name=name))
            return
        hand = self._hands[entry.device]
        hand.back_at_s[entry.actuator] = self._clocks.now_s()
        with contextlib.suppress(asyncio.QueueFull):  # then it does not sleep
            hand.waiting.put_nowait(None)

    async def _serve(self, device: str, hand: _Hand) -> None:
        while True:
            for name in [name for name, at_s in hand.back_at_s.items() if at_s <= self._clocks.now_s()]:
                await self._set_back(device, hand, name)
            wait_s = min(hand.back_at_s.values(), default=float("inf")) - self._clocks.now_s()
            try:
                async with asyncio.timeout(None if wait_s == float("inf") else max(0.0, wait_s)):
                    came = await hand.waiting.get()
            except TimeoutError:
                continue
            if came is not None:
                command, came_s = came
                await self._carry_out(self._allowed[device, command.actuator or ""], hand, command, came_s)

    async def _carry_out(self, allowed: Allowed, hand: _Hand, command: Command, came_s: float) -> None:
        fault = self._fault(allowed, command)
        expired = self._expired(command, came_s)
        value = command.value if command.value is not None else allowed.actuator.fail_safe
        entry = Entry(
            id=command.id,
            device=allowed.device,
            actuator=allowed.actuator.name,
            value=value,
            by=command.by,
            state="refused" if fault else "expired" if expired else "begun",
            at_us=self._clocks.now_us(),
            detail=fault or expired,
            away=not fault and not expired and value != allowed.actuator.fail_safe,
        )
        try:
            is_new = await self._journal.put(entry)
        except (JournalFull, OutboxError) as error:
            self._refuse(command, _("the journal does not take it: {why}").format(why=error))
            return
        if not is_new:
            _log.info("command %s came again and was not carried out again", command.id)
            self._on_result()
            return
        if entry.state == "begun":
            entry = await self._write(allowed, hand, command, entry, came_s)
            with contextlib.suppress(OutboxError):  # it stays begun there, and unknown is what the next start says
                await self._journal.finish([entry])
        _log.info(
            "command %s by %s: %s.%s: %s %s",
            entry.id,
            entry.by,
            entry.device,
            entry.actuator,
            entry.state,
            entry.detail,
        )
        self._tell(entry.result())

    async def _write(self, allowed: Allowed, hand: _Hand, command: Command, entry: Entry, came_s: float) -> Entry:
        """Write once; return what became of it."""
        if expired := self._expired(command, came_s):  # the disk took long
            return replace(entry, state="expired", detail=expired, away=False)
        name, most_s = allowed.actuator.name, allowed.actuator.on_s_max
        on_s = min(command.on_s or most_s, most_s)
        back_before_s = hand.back_at_s.get(name)
        if entry.away:
            hand.back_at_s[name] = self._clocks.now_s() + on_s
        state, detail = await self._actuate(allowed, entry.value, on_s)
        if state == "done":
            hand.states[name] = entry.value
        elif state == "unknown":
            hand.states.pop(name, None)
        if state == "refused":
            if back_before_s is None:
                hand.back_at_s.pop(name, None)
            else:
                hand.back_at_s[name] = back_before_s
            return replace(entry, state="refused", detail=detail, away=False)
        if not entry.away and state == "done":
            await self._is_safe(allowed.device, hand, name)
        return replace(entry, state=state, detail=detail)

    async def _actuate(self, allowed: Allowed, value: Value, on_s: float) -> tuple[str, str]:
        try:
            async with asyncio.timeout(ACTUATE_S_MAX):
                await allowed.adapter.actuate(allowed.actuator.name, value, on_s)
        except NotDone as error:
            return "refused", str(error)
        except TimeoutError:
            return "unknown", _("not confirmed within {seconds:g} s").format(seconds=ACTUATE_S_MAX)
        except Exception as error:  # noqa: BLE001 - supervises a partner's code: whatever it raises, nobody knows
            return "unknown", f"{type(error).__name__}: {error}"
        return "done", ""

    async def _set_back(self, device: str, hand: _Hand, name: str) -> None:
        """Bring an actuator into its fail-safe state; again and again, because that harms nobody."""
        allowed = self._allowed[device, name]
        state, detail = await self._actuate(allowed, allowed.actuator.fail_safe, allowed.actuator.on_s_max)
        if state == "done":
            _log.info("%s.%s is set back to %r", device, name, allowed.actuator.fail_safe)
            hand.states[name] = allowed.actuator.fail_safe
            await self._is_safe(device, hand, name)
            self._on_result()
            return
        if state == "unknown":
            hand.states.pop(name, None)
        hand.back_at_s[name] = self._clocks.now_s() + _SAFE_AGAIN_S
        line = _("{device}.{name} cannot be set back to its fail-safe state: {why}")
        self._health.problem(f"away {device}.{name}", line.format(device=device, name=name, why=detail))

    async def _is_safe(self, device: str, hand: _Hand, name: str) -> None:
        hand.back_at_s.pop(name, None)
        self._health.problem(f"away {device}.{name}", "")
        with contextlib.suppress(OutboxError):  # the next start sets it back once more
            await self._journal.is_safe(device, name)

    def _status_of(self, allowed: Allowed, hand: _Hand) -> ActuatorStatus:
        actuator = allowed.actuator
        back_at_s = hand.back_at_s.get(actuator.name)
        return ActuatorStatus(
            device=allowed.device,
            name=actuator.name,
            kind=actuator.kind,
            fail_safe=actuator.fail_safe,
            on_s_max=actuator.on_s_max,
            minimum=actuator.minimum,
            maximum=actuator.maximum,
            unit=actuator.unit,
            characters_max=actuator.characters_max,
            state=hand.states.get(actuator.name),
            back_us=None
            if back_at_s is None
            else self._clocks.now_us() + round((back_at_s - self._clocks.now_s()) * 1e6),
        )

    def _fault(self, allowed: Allowed, command: Command) -> str:
        if self._clocks.quality() is ClockQuality.LIFTED:
            return _("this gateway does not know the time, so not the age of a command either")
        if (command.expires_us - self._clocks.now_us()) / 1e6 > _AHEAD_S:
            return _("it expires more than {seconds} s from now: one of the clocks is wrong").format(
                seconds=COMMAND_S_MAX
            )
        return allowed.fault(command.value, command.on_s)

    def _expired(self, command: Command, came_s: float) -> str:
        if command.expires_us < self._clocks.now_us():
            return _("it came too late")
        if self._clocks.now_s() - came_s > (command.valid_s or COMMAND_S_MAX):
            return _("it waited too long here")
        return ""

    def _refuse(self, command: Command, why: str, state: Literal["refused", "unknown"] = "refused") -> None:
        _log.warning("command %s by %s is not carried out (%s): %s", command.id, command.by, state, why)
        self._remember(command.id)
        self._tell(CommandResult(id=command.id, state=state, at_us=self._clocks.now_us(), detail=why))

    def _remember(self, command: str) -> None:
        self._given.pop(command, None)
        self._given[command] = None
        while len(self._given) > 2 * ENTRIES_MAX:
            del self._given[next(iter(self._given))]

    def _tell(self, result: CommandResult) -> None:
        self._results.pop(result.id, None)
        self._results[result.id] = replace(result, detail=result.detail[:_DETAIL_CHARACTERS_MAX])
        while len(self._results) > RESULTS_MAX:
            del self._results[next(iter(self._results))]
        self._on_result()
