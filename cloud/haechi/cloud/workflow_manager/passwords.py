"""Passwords are kept as scrypt sums (RFC 7914) with a salt of their own; the cost stands beside each and may rise."""

import hashlib
import hmac
import secrets

CHARACTERS_MIN, CHARACTERS_MAX = 10, 256
_LOG_N, _R, _P = 15, 8, 3
_BYTES_MAX = 128 * 1024 * 1024
_SALT_BYTES, _SUM_BYTES = 16, 32


def kept(password: str, log_n: int = _LOG_N) -> str:
    """Return what is kept of a password; ``log_n`` is the logarithm of its cost."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"scrypt:{log_n}:{_R}:{_P}:{salt.hex()}:{_sum(password, salt, log_n, _R, _P).hex()}"


def matches(password: str, kept_as: str | None) -> bool:
    """Tell whether it is the one that was kept; None is no one's, and takes as long, so that names cannot be tried."""
    scheme, log_n, r, p, salt, sum_ = (kept_as or _NOBODY).split(":")
    if scheme != "scrypt":
        return False
    computed = _sum(password, bytes.fromhex(salt), int(log_n), int(r), int(p))
    return hmac.compare_digest(computed, bytes.fromhex(sum_)) and kept_as is not None


_NOBODY = f"scrypt:{_LOG_N}:{_R}:{_P}:{'00' * _SALT_BYTES}:{'00' * _SUM_BYTES}"


def _sum(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << log_n, r=r, p=p, maxmem=_BYTES_MAX, dklen=_SUM_BYTES)
