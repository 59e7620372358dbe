"""InfluxQL over ``/query``: the one language that InfluxDB 1.8+, 2 and 3 all answer. Reading only.

Names never reach a query unquoted: identifiers stand in double quotes, strings in single ones, both escaped.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import urllib3

from haechi.cloud.store import StoreRefused, StoreUnavailable

_BODY_BYTES_MAX = 64 * 1024 * 1024


def text(value: str) -> str:
    """Return a string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """Return a quoted identifier."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


class InfluxQuery:
    """Asks one database; blocks; may be used from several threads."""

    def __init__(
        self, base_url: str, database: str, headers: Mapping[str, str], timeout_s: float, ca_file: str | None
    ) -> None:
        self._url = f"{base_url}/query"
        self._database = database
        self._headers = dict(headers)
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(total=timeout_s), retries=False, ca_certs=ca_file, maxsize=4
        )

    def ask(self, statements: Sequence[str]) -> list[list[dict[str, Any]]]:
        """Return the series of each statement: ``name``, ``tags``, ``columns``, ``values``; times in nanoseconds.

        Raises:
            StoreUnavailable: no answer now.
            StoreRefused: the database, the password or the question is wrong.
        """
        fields = urlencode({"db": self._database, "q": ";".join(statements), "epoch": "ns"})
        headers = {**self._headers, "Content-Type": "application/x-www-form-urlencoded"}
        try:
            response = self._pool.request(
                "POST", self._url, body=fields.encode(), headers=headers, preload_content=False
            )
            body = response.read(_BODY_BYTES_MAX + 1, decode_content=True)
            response.drain_conn()
            response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise StoreUnavailable(f"InfluxDB at {self._url} does not answer: {type(error).__name__}") from error
        if len(body) > _BODY_BYTES_MAX:
            raise StoreUnavailable(f"InfluxDB at {self._url} answers with more than {_BODY_BYTES_MAX} bytes")
        return self._results(response.status, body)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _results(self, status: int, body: bytes) -> list[list[dict[str, Any]]]:
        if status >= 500 or status == 429:
            raise StoreUnavailable(f"InfluxDB at {self._url} answers {status}")
        try:
            answer = json.loads(body)
            results = answer.get("results", [])
            problems = [answer.get("error"), *(result.get("error") for result in results)]
        except (ValueError, AttributeError) as error:
            raise StoreUnavailable(f"InfluxDB at {self._url} answers {status} and no JSON") from error
        problem = next(filter(None, problems), None)
        if status >= 400 or problem is not None:
            raise StoreRefused(f"InfluxDB at {self._url} refuses (status {status}): {str(problem)[:300]}")
        return [result.get("series", []) for result in results]
