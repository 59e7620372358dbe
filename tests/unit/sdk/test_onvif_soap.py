"""SOAP messages: what is sent is as the standards have it, what comes is not trusted."""

import base64
from datetime import UTC, datetime

import pytest
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from haechi.sdk.onvif import soap
from haechi.sdk.onvif.soap import NAMESPACES, Login, SoapError

AT = datetime(2010, 9, 16, 7, 50, 45, tzinfo=UTC)


def test_the_digest_is_the_one_of_onvifs_own_example() -> None:
    # ONVIF Application Programmer's Guide 1.0, clause 6.1.1.3.
    nonce = base64.b64decode("LKqI6G/AikKCQrN0zqZFlg==")
    assert soap.digest(nonce, "2010-09-16T07:50:45Z", "userpassword") == "tuOSpGlFlIXsozq4HFNeeGeFLEI="


def test_a_request_bears_user_and_digest_but_no_password() -> None:
    sent = soap.request("<trt:GetProfiles/>", login=Login("a<b", "s3cret&"), at=AT, nonce=bytes(16))
    assert b"s3cret" not in sent
    token = "s:Header/wsse:Security/wsse:UsernameToken/"
    message = fromstring(sent)
    assert message.findtext(token + "wsse:Username", "", NAMESPACES) == "a<b"
    created = message.findtext(token + "wsu:Created", "", NAMESPACES)
    assert created == "2010-09-16T07:50:45.000Z"
    assert message.findtext(token + "wsse:Password", "", NAMESPACES) == soap.digest(bytes(16), created, "s3cret&")
    assert soap.answer(sent).tag.endswith("GetProfiles")


def test_a_login_does_not_show_its_password() -> None:
    assert "s3cret" not in repr(Login("somebody", "s3cret"))


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'


@pytest.mark.parametrize("data", [b"", b"<html>", b"<a/>", BOMB, OUTSIDE, b"\xff\xfe\x00", b"<a>" * 5000])
def test_what_is_no_soap_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(SoapError, match="no SOAP message"):
        soap.answer(data)


@given(st.binary(max_size=300))
def test_rubbish_is_never_more_than_refused(data: bytes) -> None:
    with pytest.raises(SoapError):
        soap.answer(data)


def test_a_fault_says_why_in_short() -> None:
    spaces = f'xmlns:s="{NAMESPACES["s"]}"'
    lines = "no such profile \n" * 50
    reason = f"<s:Reason><s:Text>{lines}</s:Text></s:Reason>"
    with pytest.raises(SoapError, match="no such profile") as caught:
        soap.answer(f"<s:Envelope {spaces}><s:Body><s:Fault>{reason}</s:Fault></s:Body></s:Envelope>".encode())
    assert len(str(caught.value)) < 240
    assert "\n" not in str(caught.value)
