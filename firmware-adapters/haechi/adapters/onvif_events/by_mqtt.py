"""Camera events over MQTT: listened to at a broker, told as the notifications that PullPoint would give.

(ONVIF Core 25.12, chapter "Event handling", section "Event Broker".) Here a camera does not say ``Initialized`` and
``Changed``; it sets the retained flag. So what the broker had before we came is how things stand, and so is whatever is
the first that is heard of a property after connecting: the camera, or the broker, has just started. What stands as true
is no news until it has been false.
"""

from collections.abc import AsyncGenerator, Callable
from typing import Any, ClassVar

import msgspec

from haechi.adapters.onvif_events.config import CameraBroker
from haechi.adapters.onvif_events.notifications import Notification, local_path
from haechi.contract.places import Datastream
from haechi.sdk import BadReading, Host, Sample
from haechi.sdk.listening import Listening
from haechi.sdk.transports.mqtt_frames import Message
from haechi.text import _

_KNOWN_MAX = 1024
_TOPIC_CHARACTERS_MAX = 1024


class _Told(msgspec.Struct, rename="pascal"):
    """A message; what else stands in it belongs to no event."""

    utc_time: str
    source: dict[str, Any] = {}
    data: dict[str, Any] = {}
    property_operation: str = ""
    """Must not be there, but is honoured where it is."""


_DECODER = msgspec.json.Decoder(_Told)


class ByMqtt(Listening[CameraBroker]):
    """One camera that tells its events to a broker."""

    Config: ClassVar = CameraBroker

    def __init__(
        self, device: str, config: CameraBroker, host: Host, meaning: Callable[[Notification], list[Sample]]
    ) -> None:
        """Keep what is given; ``meaning`` says what a notification means."""
        self._beginning = f"{config.prefix}/onvif-ej/"
        super().__init__(device, config, host)
        self._meaning = meaning
        self._first: dict[str, int | None] = {}
        """MQTT topic → hash of what was heard of it first; None once it has changed."""

    def describe(self) -> list[Datastream]:
        """Return nothing: what is emitted, :class:`OnvifEvents` describes."""
        return []

    def filters(self) -> tuple[str, ...]:
        """Return all events of the camera: any of them shows that it lives."""
        return (f"{self._beginning}#",)

    def samples(self) -> AsyncGenerator[Sample, None]:
        """Yield each change; nothing is known of any property at the beginning."""
        self.forget()
        return super().samples()

    def forget(self) -> None:
        """Begin anew: whatever is heard next is how things stand."""
        self._first.clear()

    def samples_of(self, message: Message) -> list[Sample]:
        """Return what a message means.

        Raises:
            BadReading: it is no ONVIF event.
        """
        return self._meaning(self.notification_of(message))

    def state_of(self, message: Message) -> list[Sample]:
        """Return what the broker had before we came."""
        try:
            return self.samples_of(message)
        except BadReading:
            self.host.count("messages_bad")
            return []

    def notification_of(self, message: Message) -> Notification:
        """Return what a message says, and whether it stood already when we came.

        Raises:
            BadReading: it is no ONVIF event.
        """
        if len(message.topic) > _TOPIC_CHARACTERS_MAX:
            raise BadReading(_("a topic of {count} characters").format(count=len(message.topic)))
        path, _ampersand, _sources = message.topic.removeprefix(self._beginning).partition("/&")
        if not message.payload:  # which also takes the retained one away
            self._first.pop(message.topic, None)
            return Notification(local_path(path), "Deleted", (), {})
        try:
            told = _DECODER.decode(message.payload)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadReading(_("no ONVIF event ({why})").format(why=error)) from None
        items = _simple(told.data)
        stands = self._stands(message.topic, items)
        operation = "Initialized" if message.retained else told.property_operation
        return Notification(local_path(path), operation, tuple(_simple(told.source).values()), items, stands)

    def _stands(self, topic: str, items: dict[str, str]) -> bool:
        said = hash(frozenset(items.items()))
        if topic not in self._first:
            while len(self._first) >= _KNOWN_MAX:
                del self._first[next(iter(self._first))]
            self._first[topic] = said
            return True
        if self._first[topic] != said:
            self._first[topic] = None
        return self._first[topic] is not None


def _simple(items: dict[str, Any]) -> dict[str, str]:
    """Return the simple items as text; quotes may be left out around numbers and truths."""
    written: dict[str, str] = {}
    for name, value in items.items():
        if isinstance(value, bool):
            written[name] = "true" if value else "false"
        elif isinstance(value, str | int | float):
            written[name] = str(value)
    return written
