"""What an operator would see: follows the change feed as the console does, tells it in lines of text, and takes times.

A line goes out when a situation opens, worsens or clears, and when a picture comes. For every event that was not held
back and not merely stated again, the time from the sensor's reading to its arrival here is kept (bounded).
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import httpx

from haechi.contract.catalogue import lookup
from haechi.contract.events import Severity
from haechi.text import _

_TIMES_MAX = 100_000
_SILENCE_S = 20.0

Say = Callable[[str], None]


class Watch:
    """One who follows the change feed."""

    def __init__(self, url: str, camera: str, say: Say) -> None:
        self._url = url
        self._camera = camera
        self._say = say
        self._last_id: str | None = None
        self._told: dict[str, tuple[bool, str]] = {}
        self._frames: dict[str, int] = {}
        self.to_store_s: deque[float] = deque(maxlen=_TIMES_MAX)
        """Sensor to stored, of live events."""
        self.to_screen_s: deque[float] = deque(maxlen=_TIMES_MAX)
        """Sensor to this feed, of live events."""
        self.frames_analysed = 0
        """Looks that the camera's detector took, over all its starts."""
        self.connected = asyncio.Event()

    async def run(self) -> None:
        """Follow the feed for ever, coming back where it broke off."""
        timeout = httpx.Timeout(5.0, read=_SILENCE_S)
        async with httpx.AsyncClient(base_url=self._url, timeout=timeout) as client:
            while True:
                try:
                    headers = {"Last-Event-ID": self._last_id} if self._last_id else {}
                    async with client.stream("GET", "/api/v1/changes", headers=headers) as answer:
                        answer.raise_for_status()
                        async for kind, body in self._messages(answer):
                            self._take(kind, body)
                except (httpx.HTTPError, ValueError):
                    await asyncio.sleep(0.3)

    async def _messages(self, answer: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        kind = ""
        async for line in answer.aiter_lines():
            name, _colon, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "id":
                self._last_id = value
            elif name == "data":
                self.connected.set()
                yield kind, json.loads(value)

    def _take(self, kind: str, body: dict[str, Any]) -> None:
        if kind == "event":
            self._time(body)
        elif kind == "situation":
            self._tell(body)
        elif kind == "evidence":
            self._say(_("  picture from {source}: {url}").format(source=body["source"], url=self._url + body["url"]))
        elif kind == "gateway":
            self._count_frames(body)

    def _time(self, event: dict[str, Any]) -> None:
        if event["late"] or event["restated"] or not event["time"]:
            return
        since_s = _seconds(event["time"])
        if event["stored_at"]:
            self.to_store_s.append(_seconds(event["stored_at"]) - since_s)
        self.to_screen_s.append(time.time() - since_s)

    def _tell(self, situation: dict[str, Any]) -> None:
        now = (bool(situation["active"]), str(situation["severity"]))
        before = self._told.get(situation["id"])
        self._told[situation["id"]] = now
        if now[0] and (before is None or not before[0]):
            what = _("opens")
        elif now[0] and before is not None and Severity(now[1]).rank > Severity(before[1]).rank:
            what = _("worsens")
        elif not now[0] and (before is None or before[0]):
            what = _("clears")
        else:
            return
        label = lookup(situation["headline"]).label["en"]
        self._say(
            _("  situation {what}: {label} ({severity}) at {place}").format(
                what=what, label=label, severity=situation["severity"], place=situation["place_name"]
            )
        )

    def _count_frames(self, gateway: dict[str, Any]) -> None:
        """Add up a counter that begins again with every start of the camera's process."""
        for component in gateway["components"]:
            if component["id"] == self._camera:
                frames = int(component["counters"].get("frames_analysed", 0))
                before = self._frames.get(gateway["id"], 0)
                self.frames_analysed += frames - before if frames >= before else frames
                self._frames[gateway["id"]] = frames


def _seconds(time_text: str) -> float:
    return datetime.fromisoformat(time_text).timestamp()
