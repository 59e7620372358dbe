"""Unusable secrets and certificates: one line that names key and file, and never what stands in it."""

from pathlib import Path

import pytest

from haechi.edge.config import Uplink
from haechi.edge.uplink import UplinkSettingsError
from haechi.edge.uplink.security import password, tls_context
from support.certificates import make_certificates


def test_sound_certificates_are_taken(tmp_path: Path) -> None:
    papers = make_certificates(tmp_path)
    settings = Uplink(
        url="mqtts://broker.example", ca_file=papers.ca, cert_file=papers.client_cert, key_file=papers.client_key
    )
    context = tls_context(settings)
    assert context is not None
    assert context.check_hostname


def test_without_tls_there_is_no_context() -> None:
    assert tls_context(Uplink(url="mqtt://127.0.0.1")) is None


def test_what_is_wrong_with_a_certificate_is_said(tmp_path: Path) -> None:
    papers = make_certificates(tmp_path)
    url = "mqtts://broker.example"
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("rubbish", encoding="utf-8")
    with pytest.raises(UplinkSettingsError, match=r"uplink\.ca_file = .*nothing\.pem: cannot be read: No such file"):
        tls_context(Uplink(url=url, ca_file=tmp_path / "nothing.pem"))
    with pytest.raises(UplinkSettingsError, match=r"uplink\.ca_file = .*rubbish\.pem: is not a PEM certificate"):
        tls_context(Uplink(url=url, ca_file=rubbish))
    with pytest.raises(UplinkSettingsError, match=r"uplink\.cert_file = .*client\.crt: .*cannot be used"):
        tls_context(Uplink(url=url, cert_file=papers.client_cert, key_file=papers.server_key))


def test_a_password_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    settings = Uplink(url="mqtt://127.0.0.1", username="gw-1", password_file=path)
    with pytest.raises(UplinkSettingsError, match=r"password_file = .* cannot be read"):
        password(settings)
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(UplinkSettingsError, match="first line"):
        password(settings)
    path.write_text("pass word\nrest\n", encoding="utf-8")
    assert password(settings) == "pass word"
