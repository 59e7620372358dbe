"""What is in the answer to PullMessages. No I/O. (ONVIF Core 22.12, clause 9; WS-BaseNotification 1.3.)"""

from typing import NamedTuple
from xml.etree.ElementTree import Element

from haechi.sdk.onvif import soap

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
_MESSAGES_MAX = 256


class Notification(NamedTuple):
    """One thing that the camera tells."""

    path: str
    """Topic without namespace prefixes."""
    operation: str
    """``Initialized``, ``Changed``, ``Deleted``; empty for what merely happens."""
    sources: tuple[str, ...]
    items: dict[str, str]

    def truth(self, item: str) -> bool | None:
        """Return the value of a data item (xs:boolean); None where it is none."""
        return _TRUTHS.get(self.items.get(item, "").strip())


def notifications(answer: Element) -> list[Notification]:
    """Return the notifications in their order."""
    found = []
    for one in answer.findall("wsnt:NotificationMessage", soap.NAMESPACES)[:_MESSAGES_MAX]:
        message = one.find("wsnt:Message/tt:Message", soap.NAMESPACES)
        if message is None:
            continue
        levels = soap.text_of(one, "wsnt:Topic").split("/")
        items = message.findall("tt:Data/tt:SimpleItem", soap.NAMESPACES)
        found.append(
            Notification(
                path="/".join(level.rpartition(":")[2] for level in levels),
                operation=message.get("PropertyOperation", ""),
                sources=tuple(
                    item.get("Value", "") for item in message.findall("tt:Source/tt:SimpleItem", soap.NAMESPACES)
                ),
                items={item.get("Name", ""): item.get("Value", "") for item in items},
            )
        )
    return found
