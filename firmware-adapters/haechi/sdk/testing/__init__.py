"""The conformance kit: what every adapter must keep, as a pytest class to inherit.

::

    class TestAcmeGauge(AdapterConformance):
        adapter = AcmeGauge
        folder = Path(__file__).parent
        shown = {"level": (0.0, 1.234, -0.5)}

        @asynccontextmanager
        async def peer(self): ...
        def decode(self, data, recording): ...

====================  ==============================================================================
module                promises
====================  ==============================================================================
``rules``             RULES: the rules by name, since when, and from which nobody is exempt
``suite``             Peer and what a peer can do besides; the verdicts; the ledger
``folder_rules``      rules that need no device
``device_rules``      rules against the simulated device as it is
``wire_rules``        rules with faults on the wire, made by ``interference``
``recording_rules``   rules about recorded bytes, read by ``recording``
``watching``          what rules watch in their own process: loop, tasks, memory
``secret_rules``      that no secret of its configuration is said to anybody
``command_rules``     rules for adapters that are told something
``memory_rules``      rules for adapters of devices with a memory
``checking``          what ``haechi adapter check`` does; ``report`` and ``mark`` are its outcome
====================  ==============================================================================

Needs the extra ``haechi[sdk]`` (pytest and pytest-asyncio).
"""

from haechi.sdk.recording import Recording
from haechi.sdk.testing.conformance import AdapterConformance
from haechi.sdk.testing.suite import Hurried, Obeying, Peer, Refusing, Remembering, Restarting, Timed, Unset, Warming

__all__ = [
    "AdapterConformance",
    "Hurried",
    "Obeying",
    "Peer",
    "Recording",
    "Refusing",
    "Remembering",
    "Restarting",
    "Timed",
    "Unset",
    "Warming",
]
