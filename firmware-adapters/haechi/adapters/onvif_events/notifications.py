"""What a camera tells, and what of it is in an answer to PullMessages. No I/O. (ONVIF Core 22.12, clause 9.)"""

from typing import NamedTuple
from xml.etree.ElementTree import Element

from haechi.sdk.onvif import soap

_TRUTHS = {"true": True, "1": True, "active": True, "false": False, "0": False, "inactive": False}
"""xs:boolean, and the logical state of a relay (``tt:RelayLogicalState``)."""
_MESSAGES_MAX = 256


class Notification(NamedTuple):
    """One thing that the camera tells."""

    path: str
    """Topic without namespace prefixes."""
    operation: str
    """``Initialized``, ``Changed``, ``Deleted``; empty for what merely happens."""
    sources: tuple[str, ...]
    items: dict[str, str]
    stands: bool = False
    """It is as it was when it was first heard of, by a way that does not tell ``Initialized`` from ``Changed``."""

    def truth(self, item: str) -> bool | None:
        """Return the value of a data item; None where it is no truth."""
        return _TRUTHS.get(self.items.get(item, "").strip())


def notifications(answer: Element) -> list[Notification]:
    """Return the notifications in their order."""
    found = []
    for one in answer.findall("wsnt:NotificationMessage", soap.NAMESPACES)[:_MESSAGES_MAX]:
        message = one.find("wsnt:Message/tt:Message", soap.NAMESPACES)
        if message is None:
            continue
        items = message.findall("tt:Data/tt:SimpleItem", soap.NAMESPACES)
        found.append(
            Notification(
                path=local_path(soap.text_of(one, "wsnt:Topic")),
                operation=message.get("PropertyOperation", ""),
                sources=tuple(
                    item.get("Value", "") for item in message.findall("tt:Source/tt:SimpleItem", soap.NAMESPACES)
                ),
                items={item.get("Name", ""): item.get("Value", "") for item in items},
            )
        )
    return found


def local_path(topic: str) -> str:
    """Return a topic without the prefixes of its namespaces, which every camera chooses for itself."""
    return "/".join(level.rpartition(":")[2] for level in topic.split("/"))
