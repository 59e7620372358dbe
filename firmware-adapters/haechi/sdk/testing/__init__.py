"""The conformance kit: what every adapter must keep, as a pytest class to inherit.

::

    class TestAcmeGauge(AdapterConformance):
        adapter = AcmeGauge
        folder = Path(__file__).parent
        shown = {"level": (0.0, 1.234, -0.5)}

        @asynccontextmanager
        async def peer(self): ...
        def decode(self, data, recording): ...

Needs the extra ``haechi[sdk]`` (pytest and pytest-asyncio).
"""

from haechi.sdk.testing.conformance import AdapterConformance, Peer
from haechi.sdk.testing.recording import Recording

__all__ = ["AdapterConformance", "Peer", "Recording"]
