"""SOAP 1.2 as ONVIF cameras speak it (ONVIF Core Specification, clause 5; SOAP 1.2 Part 1). Pure.

Promise: an answer is parsed without entities, references or document types (a camera is not to be trusted), and what it
says of a fault is cut short and holds nothing of ours. The password never stands in a message, only its digest: Base64
of SHA-1 over nonce, time and password (OASIS Web Services Security UsernameToken Profile 1.0, clause 3.1).
"""

import base64
import hashlib
import re
from datetime import UTC, datetime
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]  # has no types
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from haechi.text import _

NAMESPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "wsa4": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "d": "http://schemas.xmlsoap.org/ws/2005/04/discovery",
    "dn": "http://www.onvif.org/ver10/network/wsdl",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tt": "http://www.onvif.org/ver10/schema",
}
"""Prefixes of what is written here and looked for in answers."""

CONTENT_TYPE = "application/soap+xml; charset=utf-8"
ANSWER_BYTES_MAX = 1024 * 1024
_REASON_CHARACTERS = 200
_PARTS_OF_TIME = ("Date/tt:Year", "Date/tt:Month", "Date/tt:Day", "Time/tt:Hour", "Time/tt:Minute", "Time/tt:Second")
_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
_DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
_UNPRINTABLE = re.compile(r"[^\w .,:;()'/-]+")


class SoapError(Exception):
    """An answer is no SOAP, or is a fault; one line without secrets."""

    def __init__(self, text: str, *, is_refused: bool = False) -> None:
        super().__init__(text)
        self.is_refused = is_refused
        """User or password is refused."""


class Login(NamedTuple):
    """Who asks."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login(user={self.user!r})"


def request(body: str, *, login: Login | None, at: datetime, nonce: bytes, headers: str = "") -> bytes:
    """Return a request.

    Args:
        body: XML in the prefixes of :data:`NAMESPACES`; values are escaped with :func:`text` by whoever makes it.
        login: who asks; None asks without a name.
        at: the time by the camera's clock; most refuse what is off by more than a few seconds.
        nonce: sixteen bytes that were never used before.
        headers: XML for the head, such as an address.
    """
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    security = "" if login is None else _security(login, at, nonce)
    head = f"<s:Header>{headers}{security}</s:Header>" if headers or security else ""
    return f"{_DECLARATION}<s:Envelope {spaces}>{head}<s:Body>{body}</s:Body></s:Envelope>".encode()


def digest(nonce: bytes, created: str, password: str) -> str:
    """Return the password's digest as the UsernameToken Profile has it."""
    return base64.b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode()  # noqa: S324


def answer(data: bytes) -> Element:
    """Return the one element in the body of an answer.

    Raises:
        SoapError: it is no SOAP, or a fault.
    """
    body = _envelope(data).find("s:Body", NAMESPACES)
    if body is None or len(body) != 1:
        raise SoapError(_("the answer is no SOAP message"))
    (element,) = body
    if element.tag == _qualified("s:Fault"):
        raise _fault(element)
    return element


def header(data: bytes, path: str) -> str:
    """Return the text of an element in the head; empty where there is none.

    Raises:
        SoapError: it is no SOAP.
    """
    return text_of(_envelope(data), f"s:Header/{path}")


def text(value: str) -> str:
    """Return a value as it may stand in a body."""
    return escape(value, {'"': "&quot;"})


def text_of(element: Element, path: str) -> str:
    """Return the text that a path of prefixes leads to, stripped; empty where there is none."""
    return (element.findtext(path, "", NAMESPACES) or "").strip()


def camera_time(said: Element) -> datetime | None:
    """Return the camera's own time out of an answer to GetSystemDateAndTime; None where it does not tell it."""
    at = said.find("tds:SystemDateAndTime/tt:UTCDateTime", NAMESPACES)
    try:
        if at is not None:
            year, month, day, hour, minute, second = (int(text_of(at, f"tt:{part}")) for part in _PARTS_OF_TIME)
            return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    return None


def _envelope(data: bytes) -> Element:
    if len(data) > ANSWER_BYTES_MAX:
        raise SoapError(_("an answer of more than {most} bytes").format(most=ANSWER_BYTES_MAX))
    try:
        envelope: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise SoapError(_("the answer is no SOAP message")) from None
    if envelope.tag != _qualified("s:Envelope"):
        raise SoapError(_("the answer is no SOAP message"))
    return envelope


def _fault(element: Element) -> SoapError:
    codes = [(code.text or "").rpartition(":")[2] for code in element.iterfind(".//s:Value", NAMESPACES)]
    said = _UNPRINTABLE.sub(" ", text_of(element, "s:Reason/s:Text"))[:_REASON_CHARACTERS].strip()
    refused = "NotAuthorized" in codes or "FailedAuthentication" in codes
    if refused:
        return SoapError(_("user or password is refused"), is_refused=True)
    return SoapError(
        _("the camera refuses: {reason}").format(reason=said or ", ".join(codes)[:_REASON_CHARACTERS] or "?")
    )


def _security(login: Login, at: datetime, nonce: bytes) -> str:
    created = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
    return (
        '<wsse:Security s:mustUnderstand="true"><wsse:UsernameToken>'
        f"<wsse:Username>{text(login.user)}</wsse:Username>"
        f'<wsse:Password Type="{_DIGEST}">{digest(nonce, created, login.password)}</wsse:Password>'
        f"<wsse:Nonce>{base64.b64encode(nonce).decode()}</wsse:Nonce><wsu:Created>{created}</wsu:Created>"
        "</wsse:UsernameToken></wsse:Security>"
    )


def _qualified(name: str) -> str:
    prefix, _colon, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"
