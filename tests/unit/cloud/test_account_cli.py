"""``haechi cloud accounts``: what it makes works, and what is wrong is one line."""

from pathlib import Path

import pytest

from haechi.cloud.state.engine import opened_state, reading
from haechi.cloud.workflow_manager import passwords, people
from haechi.cloud.workflow_manager.roles import Role
from haechi.command import main


def accounts(tmp_path: Path, *words: str) -> int:
    return main(["cloud", "accounts", words[0], "--data-dir", str(tmp_path), *words[1:]])


def test_a_password_and_a_token_are_set_listed_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse battery\n", encoding="utf-8")
    limits = ("--city", "daejeon", "--gateway", "gw-1")
    assert accounts(tmp_path, "set", "김철수", "--role", "commander", "--password-file", str(secret), *limits) == 0
    assert accounts(tmp_path, "set", "printer", "--role", "viewer", "--token") == 0
    token = capsys.readouterr().out.strip()
    with opened_state(f"sqlite:///{tmp_path / 'state.db'}") as state, reading(state) as connection:
        kim = people.account(connection, "김철수")
        printer = people.of_token(connection, token)
    assert kim is not None
    assert passwords.matches("correct horse battery", kim.password)
    assert (kim.person.role, kim.person.may_see("sejong"), kim.person.may_command("gw-1")) == (
        *(Role.COMMANDER, False),
        True,
    )
    assert printer is not None
    assert printer.role is Role.VIEWER
    assert accounts(tmp_path, "set", "김철수", "--role", "viewer", "--keep-password") == 0
    assert accounts(tmp_path, "list") == 0
    listed = capsys.readouterr().out.splitlines()
    assert listed == [
        "printer\tviewer\ttoken\tall cities\tall gateways",
        "김철수\tviewer\tpassword\tall cities\tall gateways",
    ]
    assert accounts(tmp_path, "remove", "printer") == 0
    assert accounts(tmp_path, "remove", "printer") != 0
    assert capsys.readouterr().err.strip().endswith("there is no account printer")


@pytest.mark.parametrize(
    ("written", "name", "why"),
    [
        ("too short\n", "Kim", "expected 10 to 256 characters"),
        ("correct horse battery\n", "a/b", "expected 1 to 64 characters"),
        (None, "Kim", "No such file"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], written: str | None, name: str, why: str
) -> None:
    secret = tmp_path / "secret"
    if written is not None:
        secret.write_text(written, encoding="utf-8")
    assert accounts(tmp_path, "set", name, "--role", "viewer", "--password-file", str(secret)) != 0
    said = capsys.readouterr().err.strip()
    assert why in said
    assert "\n" not in said
    assert "too short" not in said
