"""Modbus TCP and RTU devices: reads a register map in blocks, each block in its own period. Never writes.

One block's trouble stays its own: an exception or a missing answer is counted, said once, and the other blocks go on.
A device counts as gone when two blocks that used to answer do not, one after the other, or when one block stays
unanswered twice while no other answers. Then the supervisor waits and starts again, on a shared serial bus ever less
often, because a silent device costs its neighbours a time-out each time.

Where the configuration says which registers tell who the device is, they are read again after every opening and after
every trouble: another device's values never go by this one's name.
"""

import heapq
from collections.abc import AsyncGenerator
from functools import partial
from typing import ClassVar

from haechi.adapters.modbus.config import ModbusConfig
from haechi.adapters.modbus.decode import BlockDecoder
from haechi.adapters.modbus.plan import Block, plan
from haechi.adapters.modbus.registers import Register
from haechi.contract.places import Datastream
from haechi.sdk import Adapter, BadReading, Host, NotConnected, Sample
from haechi.sdk.identity import Identity, OtherDevice
from haechi.sdk.transports.modbus_frames import TARGET_SILENT, Refused
from haechi.sdk.transports.modbus_poll import Master
from haechi.sdk.transports.modbus_rtu import load_of
from haechi.sdk.wire_load import WireLoad
from haechi.text import _

_BACK_OFF_S_MAX = 60.0


class _Reader:
    """One block's read with its decoder and what its last answers were.

    Not the block itself: a thousand registers take half a megabyte, and only their names and formats are needed.
    """

    def __init__(self, device: str, block: Block) -> None:
        self.read, self.period_s = block.read, block.period_s
        self.decoder = BlockDecoder(device, block)
        self.failures = 0
        self.trouble = ""


class Modbus(Adapter[ModbusConfig]):
    """One Modbus device."""

    Config: ClassVar = ModbusConfig

    def __init__(self, device: str, config: ModbusConfig, host: Host) -> None:
        """Plan the reads; open nothing."""
        super().__init__(device, config, host)
        blocks = plan(
            config.register_map(),
            registers_max=config.registers_per_read_max,
            bits_max=config.bits_per_read_max,
            gap_max=config.gap_max,
        )
        self._readers = [_Reader(device, block) for block in blocks]
        self._identity = config.identity
        self._reads = [block.read for block in blocks] + ([config.identity.read] if config.identity else [])
        self._who = Identity(config.identity.expected or "" if config.identity else "")
        self._is_known = False
        # One for all starts: on a serial bus it remembers what the device may still answer.
        self._master = self.config.new_master()
        self._unanswered: list[_Reader] = []
        """Who failed since anything was answered, in order."""
        self._starts_in_vain = 0

    def describe(self) -> list[Datastream]:
        """Return one datastream a register, in the order of the map."""
        return [self._datastream(register) for register in self.config.register_map()]

    def wire_load(self) -> WireLoad | None:
        """Return what the reads need of a serial bus; None over TCP."""
        line = self.config.line
        if line is None:
            return None
        return load_of(line, [(reader.read, reader.period_s) for reader in self._readers])

    async def probe(self) -> str:
        """Read every block once and say how many answer, how fast, and what the first trouble is."""
        master = self.config.new_master()
        clock = self.host.clock
        trouble = ""
        answered = 0
        try:
            master.join(self._reads)
            start_s = clock.now()
            for reader in self._readers:
                try:
                    await master.read(reader.read)
                    answered += 1
                except BadReading as error:
                    trouble = trouble or str(error)
                except NotConnected as error:
                    if not answered:
                        raise
                    trouble = trouble or _("{read}: {why}").format(read=reader.read, why=error.what)
            elapsed_ms = 1000 * (clock.now() - start_s) / len(self._readers)
        finally:
            master.close()
        line = _("{name} answers: {answered} of {all} reads, {milliseconds:.0f} ms each").format(
            name=master.name, answered=answered, all=len(self._readers), milliseconds=elapsed_ms
        )
        return f"{line}; {trouble}" if trouble else line

    async def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield one sample a block and period; all values of a block share one time."""
        clock = self.host.clock
        master = self._master
        self._is_known = False
        try:
            master.join(self._reads)
            now_s = clock.now()
            # Those that failed before come last, so that they can't keep the others from being read.
            queue = [(now_s, reader.failures, number) for number, reader in enumerate(self._readers)]
            heapq.heapify(queue)
            while True:
                due_s, _failures, number = queue[0]
                await clock.sleep_until(due_s)
                reader = self._readers[number]
                sample = await self._sample(master, reader)
                heapq.heapreplace(queue, (self._next_due_s(reader, due_s, clock.now()), reader.failures, number))
                if sample is not None and (self._is_known or await self._knows(master)):
                    yield sample
        finally:
            master.close()

    async def _knows(self, master: Master) -> bool:
        """Read who answers, where that can be known; tell whether it is the device from before."""
        try:
            await self._who.heed(master.name, partial(self._said_of_itself, master), retry_s=self.config.retry_s)
        except OtherDevice:
            self.host.count("other_device")
            raise
        except BadReading:
            self.host.count("frames_bad")
        except NotConnected:
            self.host.count("no_answer")
        else:
            self._is_known = True
        return self._is_known

    async def _said_of_itself(self, master: Master) -> str:
        if self._identity is None:
            return ""
        try:
            return (await master.read(self._identity.read)).hex()
        except Refused:
            return ""

    async def _sample(self, master: Master, reader: _Reader) -> Sample | None:
        try:
            data = await master.read(reader.read)
        except Refused as error:
            self.host.count("exceptions")
            if error.code in TARGET_SILENT:
                self._failed(reader, NotConnected(f"{master.name}: {error}", self.config.retry_s))
            else:
                self._answered(reader)
                self._say(reader, str(error))
            return None
        except BadReading as error:
            self.host.count("frames_bad")
            self._failed(reader, NotConnected(f"{master.name}: {error}", self.config.retry_s))
            return None
        except NotConnected as error:
            self.host.count("no_answer")
            self._failed(reader, error)
            return None
        finally:
            if master.strays:
                self.host.count("strays", master.strays)
                master.strays = 0
        self._answered(reader)
        decoded = reader.decoder.decode(data)
        if decoded.not_finite:
            self.host.count("values_not_finite", decoded.not_finite)
        if decoded.without_value:
            self.host.count("values_missing", decoded.without_value)
        if decoded.implausible:
            self.host.count("values_implausible", decoded.implausible)
        self._say(reader, _("some values are not finite") if decoded.not_finite else "")
        return decoded.sample

    def _answered(self, reader: _Reader) -> None:
        reader.failures = 0
        self._unanswered.clear()
        self._starts_in_vain = 0

    def _failed(self, reader: _Reader, error: NotConnected) -> None:
        """Count a read without an answer; raise when it means that the device is gone."""
        reader.failures += 1
        self._is_known = False
        failed_twice = reader in self._unanswered
        self._unanswered.append(reader)
        used_to_answer = sum(one.failures == 1 for one in self._unanswered)
        if failed_twice or used_to_answer > 1 or self._starts_in_vain:
            self._unanswered.clear()
            delay_s = self.config.retry_s
            if self.config.transport == "rtu":
                delay_s = max(delay_s, min(_BACK_OFF_S_MAX, delay_s * 2.0 ** min(self._starts_in_vain, 10)))
            self._starts_in_vain += 1
            raise NotConnected(error.what, delay_s)
        self._say(reader, _("{read}: no answer").format(read=reader.read))

    def _say(self, reader: _Reader, trouble: str) -> None:
        """Log what changed about one block, once."""
        if trouble == reader.trouble:
            return
        reader.trouble = trouble
        names = reader.decoder.datastreams
        shown = names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"
        if trouble:
            self.host.log.warning("%s: %s", shown, trouble)
        else:
            self.host.log.info("%s: %s", shown, _("read again without trouble"))

    def _next_due_s(self, reader: _Reader, due_s: float, now_s: float) -> float:
        """Return when to read the block again: on the grid of its period, later where it does not answer."""
        period_s = reader.period_s
        if reader.failures:
            return now_s + max(period_s, min(_BACK_OFF_S_MAX, period_s * 2.0 ** min(reader.failures - 1, 10)))
        missed = int((now_s - due_s) // period_s)
        if missed:
            self.host.count("periods_missed", missed)
        return due_s + (missed + 1) * period_s

    def _datastream(self, register: Register) -> Datastream:
        exactness = register.exactness
        return Datastream(
            id=f"{self.device}.{register.name}",
            thing=self.device,
            observed_property=register.observed_property,
            unit=register.unit,
            step=(exactness.step.numerator, exactness.step.denominator) if exactness else None,
            kind="bool" if register.type == "bool" else "number",
            period_s=register.period_s,
        )
