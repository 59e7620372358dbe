"""Sealing what nobody on the gateway may look at: to the city's public key, opened only where its private key is.

Promise: each piece has a key of its own, agreed between a pair that is thrown away at once and the city's X25519 key
(RFC 7748), derived with HKDF-SHA256 (RFC 5869) over both public keys, and used once with ChaCha20-Poly1305 (RFC 8439).
What stands in plain in front (camera, time, kind) cannot be changed without the seal breaking. Layout:
a line ``HAECHI SEALED 1``, two bytes length and the plain label in JSON, 32 bytes public key of the pair, the rest.
"""

from __future__ import annotations

import struct
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from haechi.text import _

_MAGIC = b"HAECHI SEALED 1\n"
_LENGTH = struct.Struct(">H")
_KEY_BYTES = 32
_NONCE = bytes(12)  # a key is used once
_KEY_FILE_BYTES_MAX = 16 * 1024
_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class SealError(Exception):
    """A key or a sealed file cannot be used; the text is one line without secrets."""


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in plain."""

    camera: str
    time_us: int
    media_type: str


def read_public_key(path: Path) -> bytes:
    """The 32 bytes of an X25519 public key in PEM.

    Raises:
        SealError: it is none.
    """
    try:
        key = serialization.load_pem_public_key(_read(path))
    except ValueError:
        key = None
    if not isinstance(key, X25519PublicKey):
        raise SealError(_("{path}: expected an X25519 public key in PEM (BEGIN PUBLIC KEY)").format(path=path))
    return key.public_bytes(*_RAW)


def read_private_key(path: Path) -> X25519PrivateKey:
    """An X25519 private key in PEM, without a passphrase.

    Raises:
        SealError: it is none.
    """
    try:
        key = serialization.load_pem_private_key(_read(path), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, X25519PrivateKey):
        raise SealError(
            _("{path}: expected an X25519 private key in PEM without a passphrase (BEGIN PRIVATE KEY)").format(
                path=path
            )
        )
    return key


def new_pair() -> tuple[bytes, bytes]:
    """A private key and its public key, both in PEM."""
    key = X25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, public


def seal(content: bytes, label: Label, public_key: bytes) -> bytes:
    """The sealed content, for the holder of the private key alone."""
    once = X25519PrivateKey.generate()
    ours = once.public_key().public_bytes(*_RAW)
    plain = msgspec.json.encode(label)
    front = _MAGIC + _LENGTH.pack(len(plain)) + plain + ours
    shared = once.exchange(X25519PublicKey.from_public_bytes(public_key))
    return front + _cipher(shared, ours, public_key).encrypt(_NONCE, content, front)


def label_of(sealed: bytes) -> Label:
    """What stands in plain; nothing proves it before the seal is opened.

    Raises:
        SealError: it is no sealed file of ours.
    """
    return _parts(sealed)[0]


def opened(sealed: bytes, private_key: X25519PrivateKey) -> tuple[Label, bytes]:
    """The label, proven, and the content.

    Raises:
        SealError: it is no sealed file of ours, was changed, or is sealed to another key.
    """
    label, front, ours, content = _parts(sealed)
    public_key = private_key.public_key().public_bytes(*_RAW)
    try:
        shared = private_key.exchange(X25519PublicKey.from_public_bytes(ours))
        return label, _cipher(shared, ours, public_key).decrypt(_NONCE, content, front)
    except (InvalidTag, ValueError):
        raise SealError(_("the seal does not open: it is for another key, or the file was changed")) from None


def _cipher(shared: bytes, ours: bytes, theirs: bytes) -> ChaCha20Poly1305:
    derivation = HKDF(algorithm=hashes.SHA256(), length=_KEY_BYTES, salt=ours + theirs, info=_MAGIC)
    return ChaCha20Poly1305(derivation.derive(shared))


def _parts(sealed: bytes) -> tuple[Label, bytes, bytes, bytes]:
    start = len(_MAGIC) + _LENGTH.size
    try:
        if not sealed.startswith(_MAGIC):
            raise ValueError
        (length,) = _LENGTH.unpack(sealed[len(_MAGIC) : start])
        label = msgspec.json.decode(sealed[start : start + length], type=Label)
        end = start + length + _KEY_BYTES
        if len(sealed) < end:
            raise ValueError
    except (ValueError, struct.error, msgspec.MsgspecError):
        raise SealError(_("this is no sealed original")) from None
    return label, sealed[:end], sealed[end - _KEY_BYTES : end], sealed[end:]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_KEY_FILE_BYTES_MAX)
    except OSError as error:
        raise SealError(_("{path}: cannot be read: {reason}").format(path=path, reason=error.strerror)) from None
