"""The filter and the module that come with the roles."""

import importlib.util
import math
import shutil
import subprocess
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from integration.install.scratch import ANSIBLE

MOSQUITTO_PASSWD = shutil.which("mosquitto_passwd", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin")


def _loaded(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ANSIBLE / "roles" / path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


plugin = _loaded("haechi/filter_plugins/haechi_toml.py")
toml = plugin.toml
passwords = _loaded("haechi_broker/library/haechi_broker_passwords.py")

letters = st.characters(codec="utf-8")
names = st.text(letters, min_size=1, max_size=8)
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False),
    st.text(letters, max_size=20),
)
documents = st.dictionaries(
    names,
    st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
        max_leaves=12,
    ),
    max_size=4,
)


@given(documents)
def test_what_is_written_as_toml_reads_back_the_same(document: dict[str, object]) -> None:
    assert tomllib.loads(toml(document)) == document


def test_what_is_null_is_left_out() -> None:
    assert tomllib.loads(toml({"a": None, "b": {"c": None, "d": 1}, "e": [{"f": None}]})) == {"b": {"d": 1}, "e": [{}]}


def test_what_has_no_form_in_toml_is_refused_by_name() -> None:
    with pytest.raises(plugin.AnsibleFilterError, match=r"uplink\.keys: bytes"):
        toml({"uplink": {"keys": b"x"}})
    assert math.isinf(tomllib.loads(toml({"a": math.inf}))["a"])


@pytest.mark.servers
def test_mosquitto_s_own_hashes_are_understood(tmp_path: Path) -> None:
    assert MOSQUITTO_PASSWD, "mosquitto_passwd comes with mosquitto"
    file = tmp_path / "passwords"
    subprocess.run([MOSQUITTO_PASSWD, "-b", "-c", str(file), "river-1", "pässword"], check=True, capture_output=True)
    written = passwords.parse(file.read_text(encoding="utf-8"))["river-1"]
    assert passwords.fits("pässword", written)
    assert not passwords.fits("password", written)


@given(st.text(letters, min_size=1), st.text(letters, min_size=1))
def test_a_hash_fits_its_own_password_only(password: str, other: str) -> None:
    written = passwords.hashed(password, b"twelve bytes")
    assert passwords.fits(password, written)
    assert passwords.fits(other, written) == (other == password)


def test_only_what_changed_gets_a_new_salt() -> None:
    first = passwords.merged({}, {"a": "1", "b": "2"})
    second = passwords.merged(first | {"gone": "x"}, {"a": "1", "b": "3"})
    assert second["a"] == first["a"]
    assert second["b"] != first["b"]
    assert second.keys() == {"a", "b"}
    assert passwords.fits("3", second["b"])


@pytest.mark.parametrize("damaged", ["", "x", "$7$101$!!$!!", "$7$many$AAAA$AAAA", "$6$salt$hash", "$7$-1$AAAA$AAAA"])
def test_a_damaged_hash_fits_nothing(damaged: str) -> None:
    assert not passwords.fits("password", damaged)


def test_what_no_password_file_can_hold_is_refused_without_showing_the_password() -> None:
    assert "river:1" in passwords.unusable({"river:1": "secret"})
    assert "secret" not in passwords.unusable({"river:1": "secret"})
    assert "river-1 is empty" in passwords.unusable({"river-1": ""})
    assert passwords.unusable({"river-1": "secret"}) == ""
