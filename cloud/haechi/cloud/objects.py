"""Pictures by their content: once stored, an object never changes and never has another name.

The key is the SHA-256 of the content, so storing the same picture again is harmless and no writer needs another's
permission. :class:`FolderObjects` keeps them as files; whatever has :class:`ObjectStore`'s methods may stand in.
"""

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Protocol

_KEY = re.compile(r"[0-9a-f]{64}")


class ObjectUnavailable(Exception):  # noqa: N818
    """The object store cannot take or give now (disk full, not mounted); the same may be tried again later."""


class ObjectStore(Protocol):
    """Where pictures are kept. Methods block."""

    def put(self, content: bytes) -> str:
        """Store durably and return the key; storing the same content again returns the same key.

        Raises:
            ObjectUnavailable: nothing is promised; try again later.
        """
        ...

    def get(self, key: str) -> bytes | None:
        """Return the content, or None where there is no such object.

        Raises:
            ObjectUnavailable: it cannot be read now.
        """
        ...

    def discard(self, key: str) -> None:
        """Remove an object; one that is not there is no error.

        Raises:
            ObjectUnavailable: it cannot be removed now.
        """
        ...


class FolderObjects:
    """Objects as files ``ab/abcdef…`` below one folder; a file is complete and on disk before it has its name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        """Write beside, fsync, rename, fsync the folder; see :class:`ObjectStore`."""
        key = hashlib.sha256(content).hexdigest()
        path = self._path(key)
        try:
            if path.exists():
                return key
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
                try:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                    Path(file.name).rename(path)
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
            for folder in (path.parent, self._folder):
                _sync(folder)
        except OSError as error:
            raise ObjectUnavailable(f"a picture cannot be written below {self._folder}: {error}") from error
        return key

    def get(self, key: str) -> bytes | None:
        """Read the file; see :class:`ObjectStore`."""
        if not _KEY.fullmatch(key):
            return None
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ObjectUnavailable(f"a picture cannot be read below {self._folder}: {error}") from error

    def discard(self, key: str) -> None:
        """Remove the file; see :class:`ObjectStore`."""
        if not _KEY.fullmatch(key):
            return
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise ObjectUnavailable(f"a picture cannot be removed below {self._folder}: {error}") from error

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
