"""The register map and the way to the device, as a person writes them under ``[device.config]``."""

import re
from string import Formatter
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from haechi.adapters.modbus.registers import WIDTHS, Exactness, Register, WordOrder
from haechi.sdk import AdapterConfig
from haechi.sdk.errors import wrong
from haechi.sdk.transports.modbus_frames import BITS_MAX, REGISTERS_MAX, Read, Table
from haechi.sdk.transports.modbus_poll import ModbusKeys
from haechi.text import _

NumberType = Literal["uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64", "bool"]
_NAME_CHARACTERS_MAX = 64
_PROPERTY = r"^[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*$"
_NOTHING: frozenset[float] = frozenset()
"""One for all registers that have none: an empty set of its own takes 216 bytes."""
_TABLES = {"coil": Table.COIL, "discrete": Table.DISCRETE, "holding": Table.HOLDING, "input": Table.INPUT}
Address = Annotated[int, Field(ge=0, le=65535)]


class _Meaning(AdapterConfig):
    """What a register holds; the same for a single one and for a row of them."""

    table: Literal["holding", "input", "coil", "discrete"] = Field(
        default="holding", description="Which of the device's four tables: functions 3, 4, 1 and 2."
    )
    type: NumberType | None = Field(
        default=None, description="How the bits are read. Default uint16; always bool for coils and discrete inputs."
    )
    bit: int | None = Field(
        default=None, ge=0, le=15, description="For bool in a register: which bit, 0 is the least significant."
    )
    word_order: WordOrder = Field(
        default="ABCD", description="Order of the bytes on the wire, A most significant: ABCD, CDAB, BADC or DCBA."
    )
    scale: float = Field(default=1, description="Value in the unit = number × scale + offset. Not zero.")
    offset: float = Field(default=0, description="Added after scaling, in the unit.")
    unit: str = Field(default="1", min_length=1, max_length=32, description="UCUM code, such as m, mm/h, Cel, {veh}.")
    observed_property: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9_-]*$",
        max_length=64,
        description="What is observed, such as water_level. Default: the last part of the name.",
    )
    period_s: float | None = Field(
        default=None, ge=0.05, le=86400, description="How often it is read. Default: the device's period_s."
    )
    valid: tuple[float, float] | None = Field(
        default=None, description="Lowest and highest plausible value in the unit; others are marked bad."
    )
    invalid: tuple[float, ...] = Field(
        default=(), max_length=16, description="Numbers, before scaling, by which the device says: no value."
    )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        number_type = self.number_type
        if self.is_bits and number_type != "bool":
            raise wrong("type", number_type, _("bool, which is all that a {table} has").format(table=self.table))
        if (self.bit is not None) != (number_type == "bool" and not self.is_bits):
            raise wrong(
                "bit", self.bit, _("the bit's number (0 to 15) where, and only where, type is bool in a register")
            )
        if self.scale == 0:
            raise wrong("scale", self.scale, _("a number other than zero"))
        if number_type == "bool" and (self.scale != 1 or self.offset != 0 or self.valid or self.invalid):
            raise wrong("type", number_type, _("a number, because scale, offset, valid or invalid is set"))
        if self.valid and self.valid[0] > self.valid[1]:
            raise wrong("valid", list(self.valid), _("the lower bound first"))
        if not number_type.startswith("float"):
            try:
                Exactness.of(self.scale, self.offset)
            except ValueError as error:
                raise wrong("scale", self.scale, str(error)) from None
        return self

    @property
    def number_type(self) -> NumberType:
        """The type as written, or its default."""
        return self.type or ("bool" if self.is_bits else "uint16")

    @property
    def is_bits(self) -> bool:
        """Tell whether the table consists of bits."""
        return _TABLES[self.table].is_bits

    def at(self, name: str, address: int, period_s: float) -> Register:
        """Return the register ``name`` at ``address``; ``period_s`` is the device's, for where none is written."""
        return Register(
            name=name,
            table=_TABLES[self.table],
            address=address,
            type=self.number_type,
            bit=self.bit,
            word_order=self.word_order,
            scale=self.scale,
            offset=self.offset,
            unit=self.unit,
            observed_property=self.observed_property or name.rpartition(".")[2],
            period_s=self.period_s or period_s,
            valid=self.valid,
            invalid=frozenset(self.invalid) if self.invalid else _NOTHING,
        )


class SingleRegister(_Meaning):
    """``[[device.config.register]]``: one value."""

    name: str = Field(
        pattern=_PROPERTY, max_length=_NAME_CHARACTERS_MAX, description="Second part of the datastream's id."
    )
    address: Address = Field(
        description="Protocol address, from 0 as it goes over the wire: 0, where a table says 40001."
    )


class RegisterRow(_Meaning):
    """``[[device.config.registers]]``: many values of one kind in a row."""

    name: str = Field(
        max_length=_NAME_CHARACTERS_MAX,
        description='Names with {address} or {index} in them, such as "r{address:04d}"; index is from 0.',
    )
    first: Address = Field(description="Protocol address of the first, from 0.")
    count: int = Field(ge=1, le=65536, description="How many values (each as wide as its type).")

    def names(self) -> list[tuple[str, int]]:
        """Return name and address of each."""
        width = 1 if self.is_bits else WIDTHS[self.number_type]
        addresses = range(self.first, self.first + self.count * width, width)
        return [(self.name.format(address=address, index=index), address) for index, address in enumerate(addresses)]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        expected = _("lower case letters and digits with {{address}} or {{index}}, such as r{{address:04d}}").format()
        try:
            used = {name for _text, name, _format, _conversion in Formatter().parse(self.name) if name is not None}
            well_formed = bool(used) and used <= {"address", "index"}
            # The longest name first: a wide format times 65,536 names would fill the memory.
            well_formed = well_formed and len(self.name.format(address=65535, index=65535)) <= _NAME_CHARACTERS_MAX
            well_formed = well_formed and all(re.fullmatch(_PROPERTY, name) for name, _address in self.names())
        except (ValueError, LookupError, AttributeError):
            well_formed = False
        if not well_formed:
            raise wrong("name", self.name, expected)
        return self


class IdentityRegisters(AdapterConfig):
    """``[device.config.identity]``: where the device says who it is; another one is then told and not read."""

    table: Literal["holding", "input"] = Field(default="holding", description="Which of its two tables of registers.")
    first: Address = Field(description="Protocol address of the first, from 0.")
    count: int = Field(default=2, ge=1, le=16, description="How many registers, such as those of a serial number.")
    expected: str | None = Field(
        default=None,
        pattern=r"^([0-9a-f]{4}){1,16}$",
        description="What they must hold, in hexadecimal; without it whoever answers first is believed.",
    )

    @property
    def read(self) -> Read:
        """Return the read of them."""
        return Read(_TABLES[self.table], self.first, self.count)

    @model_validator(mode="after")
    def _expects_what_is_read(self) -> Self:
        if self.expected is not None and len(self.expected) != 4 * self.count:
            raise wrong(
                "expected",
                self.expected,
                _("four hexadecimal digits for each of {count} registers").format(count=self.count),
            )
        return self


class ModbusConfig(ModbusKeys):
    """``[device.config]`` of one Modbus device."""

    unit_id_max: ClassVar[int] = 247
    transport: Literal["rtu", "tcp"] = Field(description="tcp, or rtu for a serial bus.")
    period_s: float = Field(default=1.0, ge=0.05, le=86400, description="How often registers are read.")
    registers_per_read_max: int = Field(
        default=REGISTERS_MAX,
        ge=1,
        le=REGISTERS_MAX,
        description="Most registers in one read; smaller in some devices.",
    )
    bits_per_read_max: int = Field(
        default=BITS_MAX, ge=1, le=BITS_MAX, description="Most coils or discrete inputs in one read."
    )
    gap_max: int = Field(
        default=0, ge=0, le=REGISTERS_MAX, description="How many unused addresses may be read along to join two reads."
    )
    identity: IdentityRegisters | None = Field(default=None, description="Where the device says who it is.")
    single: tuple[SingleRegister, ...] = Field(
        default=(), alias="register", max_length=65536, description="Single values of the register map."
    )
    rows: tuple[RegisterRow, ...] = Field(
        default=(), alias="registers", max_length=1024, description="Rows of values of one kind."
    )

    def register_map(self) -> list[Register]:
        """Return every value of the map, in the order written."""
        return [register for _key, register in self._keyed()]

    def _keyed(self) -> list[tuple[str, Register]]:
        keyed = [
            (f"register[{place}]", single.at(single.name, single.address, self.period_s))
            for place, single in enumerate(self.single)
        ]
        for place, row in enumerate(self.rows):
            keyed += [(f"registers[{place}]", row.at(name, address, self.period_s)) for name, address in row.names()]
        return keyed

    @model_validator(mode="after")
    def _has_a_map_without_doubles(self) -> Self:
        keyed = self._keyed()
        if not keyed:
            raise wrong("register", None, _("at least one [[device.config.register]] or [[device.config.registers]]"))
        seen: set[str] = set()
        for key, register in keyed:
            if register.name in seen:
                raise wrong(f"{key}.name", register.name, _("a name that no other register of this device has"))
            seen.add(register.name)
            if register.address + register.width > 65536:
                raise wrong(f"{key}.address", register.address, _("an address whose value ends below 65536"))
            if not register.table.is_bits and register.width > self.registers_per_read_max:
                expected = _("at least {width}, because {name} is that wide").format(
                    width=register.width, name=register.name
                )
                raise wrong("registers_per_read_max", self.registers_per_read_max, expected)
        return self
