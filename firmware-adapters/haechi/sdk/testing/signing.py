"""Signs the mark of a checked adapter, and tells whether a signed mark still fits its folder. Ed25519 (RFC 8032).

One changed byte, in the mark or in the folder, and the mark is worth nothing.
"""

import base64
import json
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from haechi.sdk.testing.mark import canonical, folder_sum
from haechi.text import _


class MarkError(Exception):
    """A mark or a key is not what it should be; the text is one line."""


def signed(mark: dict[str, Any], key: Path) -> dict[str, Any]:
    """Return ``mark`` with the signature of the private key in the PEM file ``key``.

    Raises:
        MarkError: the file holds no Ed25519 key.
    """
    try:
        private = load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise MarkError(_("{key}: expected an Ed25519 private key in PEM ({why})").format(key=key, why=error)) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise MarkError(_("{key}: expected an Ed25519 private key in PEM").format(key=key))
    return {**mark, "signature": base64.b64encode(private.sign(canonical(mark))).decode()}


def verify(path: Path, key: Path, folder: Path) -> dict[str, Any]:
    """Return the mark in ``path`` where ``key`` signed it and it is for ``folder`` as it is now.

    Raises:
        MarkError: it is not, or there is no mark or key to be read.
    """
    try:
        mark = json.loads(path.read_text(encoding="utf-8"))
        signature = base64.b64decode(mark.pop("signature"))
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise MarkError(_("{path} is no signed mark ({why})").format(path=path, why=error)) from None
    try:
        public = load_pem_public_key(key.read_bytes())
    except (OSError, ValueError) as error:
        raise MarkError(_("{key}: expected an Ed25519 public key in PEM ({why})").format(key=key, why=error)) from None
    if not isinstance(public, Ed25519PublicKey):
        raise MarkError(_("{key}: expected an Ed25519 public key in PEM").format(key=key))
    try:
        public.verify(signature, canonical(mark))
    except InvalidSignature:
        raise MarkError(_("{path} was not signed by {key}, or was changed since").format(path=path, key=key)) from None
    if mark["sha256"] != folder_sum(folder):
        raise MarkError(_("{folder} is not what was checked: it has changed since").format(folder=folder))
    return dict(mark)
