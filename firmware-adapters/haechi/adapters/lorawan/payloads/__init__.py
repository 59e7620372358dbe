"""What payloads of end devices mean, by the name that a configuration gives: ours, one module each, and partners'."""

from types import MappingProxyType

from haechi.adapters.lorawan.payloads.bosch_tps110 import BoschTps110
from haechi.sdk.errors import wrong
from haechi.sdk.payloads import Payload, find_payloads, load_payload
from haechi.text import _

_OURS = MappingProxyType[str, Payload]({"bosch_tps110": BoschTps110()})


def payload_named(name: str) -> Payload:
    """Return the decoder ``name``, ours before a partner's.

    Raises:
        PydanticCustomError: nobody has announced one of that name, or it cannot be loaded.
    """
    if name in _OURS:
        return _OURS[name]
    announced = find_payloads()
    if name not in announced:
        names = ", ".join(sorted({*_OURS, *announced}))
        raise wrong("payload", name, _("one of {names}").format(names=names))
    try:
        return load_payload(announced[name])
    except ImportError as error:
        raise wrong("payload", name, _("a decoder that can be loaded ({why})").format(why=error)) from error
