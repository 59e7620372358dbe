"""A seal holds over the wire, and for nothing else than what was sealed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.contract.control import Command, decode_command, encode_control
from haechi.contract.observations import Value
from haechi.contract.seals import is_sealed, sealed

KEY = b"k" * 32
values = st.one_of(
    st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=40)
)
seconds = st.one_of(st.none(), st.integers(1, 86_400), st.floats(0.001, 86_400))


@given(values, seconds, seconds, st.text(max_size=40))
def test_a_seal_outlives_the_wire(value: Value, on_s: float | None, valid_s: float | None, by: str) -> None:
    command = Command(
        id="command-1",
        name="actuate",
        expires_us=5,
        thing="post-1",
        actuator="siren",
        value=value,
        on_s=on_s,
        valid_s=valid_s,
        by=by,
    )
    came = decode_command(encode_control(sealed(command, KEY, "city", "gw-1")))
    assert is_sealed(came, KEY, "city", "gw-1")


@pytest.mark.parametrize(
    ("tenant", "gateway", "key"), [("town", "gw-1", KEY), ("city", "gw-2", KEY), ("city", "gw-1", b"")]
)
def test_it_is_nobody_elses(tenant: str, gateway: str, key: bytes) -> None:
    command = sealed(Command(id="command-1", name="actuate", expires_us=5), KEY, "city", "gw-1")
    assert not is_sealed(command, key, tenant, gateway)


def test_without_a_key_nothing_is_sealed() -> None:
    command = Command(id="command-1", name="actuate", expires_us=5)
    assert not is_sealed(sealed(command, b"", "city", "gw-1"), b"", "city", "gw-1")
