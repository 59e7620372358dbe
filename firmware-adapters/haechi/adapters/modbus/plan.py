"""Which reads fetch a register map: as few as possible, never splitting a value. No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass

from haechi.adapters.modbus.registers import Register
from haechi.sdk.transports.modbus_frames import Read, Table


@dataclass(frozen=True, slots=True)
class Block:
    """One read and the registers that its answer holds, by address. They share a table and a period."""

    read: Read
    registers: tuple[Register, ...]
    period_s: float


def plan(registers: Iterable[Register], *, registers_max: int, bits_max: int, gap_max: int) -> list[Block]:
    """Return the reads for ``registers``, ordered by period, table and address.

    Args:
        registers: the map; values may overlap, as bits of one register do.
        registers_max: most registers in one read; no value is wider.
        bits_max: most coils or discrete inputs in one read.
        gap_max: how many unused addresses between two values may be read along.
    """
    groups: dict[tuple[float, Table], list[Register]] = {}
    for register in registers:
        groups.setdefault((register.period_s, register.table), []).append(register)
    blocks: list[Block] = []
    for (period_s, table), group in sorted(groups.items(), key=lambda item: item[0]):
        limit = bits_max if table.is_bits else registers_max
        held: list[Register] = []
        start = end = 0
        for register in sorted(group, key=lambda register: (register.address, register.bit or 0)):
            joins = held and register.address <= end + gap_max and max(end, register.end) - start <= limit
            if not joins:
                if held:
                    blocks.append(Block(Read(table, start, end - start), tuple(held), period_s))
                held, start, end = [], register.address, register.end
            held.append(register)
            end = max(end, register.end)
        blocks.append(Block(Read(table, start, end - start), tuple(held), period_s))
    return blocks
