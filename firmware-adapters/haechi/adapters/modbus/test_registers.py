"""A register map becomes the fewest reads, and bytes become exactly the values that were meant."""

import math
import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.adapters.modbus.adapter import Modbus
from haechi.adapters.modbus.config import ModbusConfig
from haechi.adapters.modbus.decode import BlockDecoder, Decoded
from haechi.adapters.modbus.plan import Block, plan
from haechi.adapters.modbus.registers import WIDTHS, Exactness
from haechi.adapters.modbus.simulator import words_of
from haechi.contract.observations import Quality
from haechi.sdk import ConfigError, Host
from haechi.sdk.transports.modbus_frames import Read, Table


def load(*registers: Mapping[str, Any], **keys: Any) -> ModbusConfig:
    config: ModbusConfig = Modbus.load_config(
        {"transport": "tcp", "host": "127.0.0.1", "register": list(registers), **keys}
    )
    return config


def blocks_of(config: ModbusConfig) -> list[Block]:
    return plan(
        config.register_map(),
        registers_max=config.registers_per_read_max,
        bits_max=config.bits_per_read_max,
        gap_max=config.gap_max,
    )


def decode(words: list[int], *registers: Mapping[str, Any]) -> Decoded:
    (block,) = blocks_of(load(*registers))
    return BlockDecoder("d", block).decode(struct.pack(f">{len(words)}H", *words))


def row(**keys: Any) -> ModbusConfig:
    config: ModbusConfig = Modbus.load_config({"transport": "tcp", "host": "h", **keys})
    return config


def test_a_thousand_registers_in_a_row_are_eight_reads() -> None:
    blocks = blocks_of(row(registers=[{"name": "r{address:04d}", "first": 0, "count": 1000}]))
    assert [block.read for block in blocks] == [Read(Table.HOLDING, 125 * n, 125) for n in range(8)]
    assert blocks[7].registers[-1].name == "r0999"


@given(
    st.integers(4, 125),
    st.integers(0, 6),
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from(sorted(WIDTHS))), min_size=1, max_size=60),
)
def test_every_value_lies_whole_in_exactly_one_read(
    registers_max: int, gap_max: int, written: list[tuple[int, str]]
) -> None:
    registers = [
        {"name": f"r{n}", "address": address, "type": kind, **({"bit": n % 16} if kind == "bool" else {})}
        for n, (address, kind) in enumerate(written)
    ]
    blocks = blocks_of(load(*registers, registers_per_read_max=registers_max, gap_max=gap_max))
    assert sorted(one.name for block in blocks for one in block.registers) == sorted(str(r["name"]) for r in registers)
    for block in blocks:
        assert block.read.count <= registers_max
        used = {place for one in block.registers for place in range(one.address, one.end)}
        assert min(used) == block.read.address
        assert max(used) == block.read.address + block.read.count - 1
        unused = sorted(set(range(min(used), max(used))) - used)
        runs = [place - number for number, place in enumerate(unused)]
        assert all(runs.count(run) <= gap_max for run in runs)


def test_tables_and_periods_are_read_apart() -> None:
    blocks = blocks_of(
        load(
            {"name": "a", "address": 0},
            {"name": "b", "address": 1, "table": "input"},
            {"name": "c", "address": 2, "period_s": 10.0},
            {"name": "d", "address": 1},
        )
    )
    assert [(str(block.read), block.period_s) for block in blocks] == [
        ("holding 0…1", 1.0),
        ("input 1", 1.0),
        ("holding 2", 10.0),
    ]


# 0x11223344 and its 64-bit sibling, byte by byte in each order: what the letters mean.
@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("ABCD", [0x1122, 0x3344]),
        ("CDAB", [0x3344, 0x1122]),
        ("BADC", [0x2211, 0x4433]),
        ("DCBA", [0x4433, 0x2211]),
    ],
)
def test_word_orders(order: str, words: list[int]) -> None:
    decoded = decode(words, {"name": "x", "address": 0, "type": "uint32", "word_order": order})
    assert decoded.sample is not None
    assert decoded.sample.values == (float(0x11223344),)


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(WIDTHS.keys() - {"bool"})), st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"])),
        min_size=1,
        max_size=20,
    ),
    st.data(),
)
def test_a_mixed_block_gives_back_what_a_device_put_in(mix: list[tuple[str, str]], data: st.DataObject) -> None:
    registers: list[dict[str, Any]] = []
    words: list[int] = []
    expected: dict[str, float] = {}
    for number, (kind, order) in enumerate(mix):
        value: float
        if kind.startswith("float"):
            value = data.draw(st.floats(width=32 if kind == "float32" else 64, allow_nan=False, allow_infinity=False))
        else:
            bits = 16 * WIDTHS[kind]
            low = 0 if kind.startswith("u") else -(2 ** (bits - 1))
            value = data.draw(st.integers(low, low + 2**bits - 1))
        registers.append({"name": f"r{number}", "address": len(words), "type": kind, "word_order": order})
        words += words_of(value, kind, order)
        expected[f"d.r{number}"] = float(value)
    sample = decode(words, *registers).sample
    assert sample is not None
    assert dict(zip(sample.datastreams, sample.values, strict=True)) == expected


def test_bits_of_one_register_and_the_number_itself() -> None:
    sample = decode(
        [0b1000_0000_0000_0101],
        {"name": "status", "address": 0},
        {"name": "pump", "address": 0, "type": "bool", "bit": 0},
        {"name": "valve", "address": 0, "type": "bool", "bit": 1},
        {"name": "alarm", "address": 0, "type": "bool", "bit": 15},
    ).sample
    assert sample is not None
    assert dict(zip(sample.datastreams, sample.values, strict=True)) == {
        "d.status": 32773.0,
        "d.pump": True,
        "d.valve": False,
        "d.alarm": True,
    }


def test_coils_come_lowest_first() -> None:
    (block,) = blocks_of(row(registers=[{"name": "c{index}", "first": 19, "count": 19, "table": "coil"}]))
    sample = BlockDecoder("d", block).decode(bytes.fromhex("CD 6B 05")).sample
    assert sample is not None
    assert [int(bool(value)) for value in sample.values] == [1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1]


@given(
    st.integers(-32768, 32767),
    st.decimals("-100", "100", places=3).filter(bool),
    st.decimals("-500", "500", places=3),
)
def test_scale_and_offset_stay_exact(raw: int, scale: Any, offset: Any) -> None:
    exactness = Exactness.of(float(scale), float(offset))
    count = raw * exactness.factor + exactness.shift
    assert Fraction(count) * Fraction(*exactness.step) == raw * Fraction(str(scale)) + Fraction(str(offset))
    sample = decode(
        [raw & 0xFFFF],
        {"name": "x", "address": 0, "type": "int16", "scale": float(scale), "offset": float(offset)},
    ).sample
    assert sample is not None
    assert sample.values == (exactness.step.value(count),)
    assert exactness.step.count_of(float(sample.values[0])) == count


def test_what_is_not_finite_is_counted_and_left_out() -> None:
    words = words_of(1.5, "float32") + words_of(math.nan, "float32") + words_of(-math.inf, "float32")
    decoded = decode(words, *({"name": f"r{n}", "address": 2 * n, "type": "float32"} for n in range(3)))
    assert decoded.not_finite == 2
    assert decoded.sample is not None
    assert (decoded.sample.datastreams, decoded.sample.values) == (("d.r0",), (1.5,))


def test_scaling_that_overflows_is_not_finite() -> None:
    decoded = decode(words_of(3e38, "float32"), {"name": "x", "address": 0, "type": "float32", "scale": 1e300})
    assert decoded == Decoded(None, not_finite=1)


def test_numbers_that_mean_no_value_are_left_out() -> None:
    registers = [{"name": f"r{n}", "address": n, "type": "int16", "invalid": [-32768]} for n in range(3)]
    decoded = decode([1, 0x8000, 3], *registers)
    assert decoded.without_value == 1
    assert decoded.sample is not None
    assert decoded.sample.datastreams == ("d.r0", "d.r2")
    assert decode([0x8000] * 3, *registers).sample is None


def test_the_same_gaps_give_the_same_tuple() -> None:
    (block,) = blocks_of(load(*({"name": f"r{n}", "address": n, "invalid": [0]} for n in range(3))))
    decoder = BlockDecoder("d", block)
    first, second = (decoder.decode(b"\0\1\0\0\0\1").sample for _time in range(2))
    assert first is not None
    assert second is not None
    assert first.datastreams is second.datastreams


def test_implausible_values_are_emitted_as_bad() -> None:
    decoded = decode([5, 50], *({"name": f"r{n}", "address": n, "valid": [0.0, 10.0]} for n in range(2)))
    assert decoded.implausible == 1
    assert decoded.sample is not None
    assert decoded.sample.values == (5.0, 50.0)
    assert decoded.sample.qualities == (Quality.GOOD, Quality.BAD)


REGISTER = {"name": "a", "address": 0}


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({"register": []}, "register = None: expected at least one"),
        ({"register": [REGISTER, REGISTER]}, "register[1].name = 'a': expected a name that no other register"),
        ({"register": [REGISTER], "host": None}, "host = None: expected a value, because transport is tcp"),
        ({"register": [REGISTER], "serial_port": "/dev/x"}, "serial_port = '/dev/x': expected nothing, because"),
        ({"register": [REGISTER], "port": "502"}, "port = '502': expected a valid integer"),
        ({"register": [{**REGISTER, "scale": 0}]}, "register[0].scale = 0.0: expected a number other than zero"),
        ({"register": [{**REGISTER, "scale": 1e-12}]}, "register[0].scale = 1e-12: expected scale and offset with"),
        ({"register": [{**REGISTER, "adress": 1}]}, "register[0].adress = 1: expected no such key"),
        ({"register": [{**REGISTER, "name": "A b"}]}, "register[0].name = 'A b': expected"),
        ({"register": [{**REGISTER, "type": "int8"}]}, "register[0].type = 'int8': expected 'uint16', "),
        ({"register": [{**REGISTER, "type": "bool"}]}, "register[0].bit = None: expected the bit's number"),
        ({"register": [{**REGISTER, "table": "coil", "type": "int16"}]}, "register[0].type = 'int16': expected bool"),
        ({"register": [{**REGISTER, "valid": [2.0, 1.0]}]}, "register[0].valid = [2.0, 1.0]: expected the lower"),
        (
            {"register": [{"name": "a", "address": 65535, "type": "float32"}]},
            "register[0].address = 65535: expected an address whose value ends below 65536",
        ),
        (
            {"register": [{**REGISTER, "type": "float64"}], "registers_per_read_max": 2},
            "registers_per_read_max = 2: expected at least 4",
        ),
        ({"registers": [{"name": "r", "first": 0, "count": 2}]}, "registers[0].name = 'r': expected lower case"),
        ({"registers": [{"name": "r{address.real}", "first": 0, "count": 2}]}, "registers[0].name = 'r{address.real}'"),
        ({"registers": [{"name": "r{index:099999}", "first": 0, "count": 9}]}, "registers[0].name = 'r{index:099999}'"),
        ({"registers": [{"name": "R{index}", "first": 0, "count": 2}]}, "registers[0].name = 'R{index}'"),
    ],
)
def test_an_impossible_map_is_refused_in_one_line(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Modbus.load_config({"transport": "tcp", "host": "127.0.0.1", **written})
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_steps_are_described() -> None:
    config = load(
        {"name": "celsius", "address": 0, "scale": 0.1, "offset": -273.15},
        {"name": "flow", "address": 1, "type": "float32"},
    )
    celsius, flow = Modbus("d", config, Host()).describe()
    assert celsius.step == (1, 20)
    assert flow.step is None
