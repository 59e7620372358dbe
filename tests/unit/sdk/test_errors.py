"""A person who wrote a wrong value is told in one line which key, which value, and what was expected."""

from typing import Any, ClassVar

import pytest
from pydantic import Field, model_validator

from haechi.contract.places import Datastream
from haechi.sdk import Adapter, AdapterConfig, ConfigError, Host, NotConnected


class Register(AdapterConfig):
    address: int = Field(ge=0, le=65535)


class Settings(AdapterConfig):
    host: str
    timeout_s: float = Field(default=1.0, gt=0, le=60)
    point: tuple[Register, ...] = ()


class Gauge(Adapter[Settings]):
    Config: ClassVar[type[AdapterConfig]] = Settings

    def describe(self) -> list[Datastream]:
        return []

    async def probe(self) -> str:
        return "here"

    async def samples(self) -> Any:
        raise NotConnected("10.0.0.7:502 refuses connections", 5)
        yield


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({"host": "a", "port": 1}, "port = 1: expected no such key"),
        ({}, "host = None: expected a value, the key is required"),
        ({"host": "a", "timeout_s": 0}, "timeout_s = 0: expected greater than 0"),
        ({"host": "a", "timeout_s": float("nan")}, "timeout_s = nan: expected a finite number"),
        (
            {"host": "a", "point": [{"address": 70000}]},
            "point[0].address = 70000: expected less than or equal to 65535",
        ),
    ],
)
def test_a_wrong_configuration_is_one_line(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Gauge.load_config(written)
    assert str(caught.value) == line


class Guarded(AdapterConfig):
    password: str = Field(default="", max_length=8)
    password_file: str = Field(default="", max_length=8)

    @model_validator(mode="after")
    def _either_or(self) -> "Guarded":
        if self.password and self.password_file:
            raise ValueError("one of both")
        return self


class Lock(Gauge):
    Config: ClassVar[type[AdapterConfig]] = Guarded


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ({"password": "hunter2-hunter2"}, "password = '***': expected String should have at most 8 characters"),
        ({"password": 1234}, "password = '***': expected a valid string"),
        ({"api_token": "hunter2"}, "api_token = '***': expected no such key"),
        ({"login": {"password": "hunter2"}}, "login = {'password': '***'}: expected no such key"),
        ({"password_file": "/etc/long/way"}, "password_file = '/etc/long/way': expected String should have at most 8"),
        ({"password": "hunter2", "password_file": "/etc/a"}, "one of both"),
    ],
)
def test_a_secret_is_not_shown_where_it_is_wrong(written: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Lock.load_config(written)
    assert line in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_several_faults_show_the_first_and_count_the_others() -> None:
    with pytest.raises(ConfigError, match=r"and 1 more fault"):
        Gauge.load_config({"host": "a", "one": 1, "two": 2})


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(ConfigError) as caught:
        Gauge.load_config({"host": "a", "note": "x" * 10_000})
    assert len(str(caught.value)) < 200


def test_not_connected_says_when_it_is_tried_again() -> None:
    error = NotConnected("10.0.0.7:502 does not answer within 1.0 s", 5)
    assert str(error) == "10.0.0.7:502 does not answer within 1.0 s; next try in 5 s"
    assert error.retry_after_s == 5


def test_counters_stay_few_whatever_names_come() -> None:
    host = Host()
    for number in range(1000):
        host.count(f"frames_of_{number}")
    host.count("frames_of_0")
    assert len(host.counters) <= 101
    assert host.counters["frames_of_0"] == 2
    assert sum(host.counters.values()) == 1001
