"""A partner's adapter in a process of its own: what it does wrong stays there.

================  ===================================================================================
module            promises
================  ===================================================================================
``limits``        Limits: how much memory, how many values, how long without a sign of life
``messages``      what the two processes say to each other, in frames of bounded size
``once``          asks a process one thing, within a time and a number of bytes
``isolated``      Isolated: an adapter like any other, whose work is done by the child
``child``         the child: one adapter, one device, its limits; ends with its parent
================  ===================================================================================

An adapter that blocks, leaks, crashes or floods is ended, and the gateway's supervisor shows why and starts it again.
The child may be another Python with packages of its own, as long as they include this SDK.

What this is not: a jail. The child runs as the gateway's user and can open what the gateway can open.
"""

from haechi.sdk.isolation.isolated import Isolated
from haechi.sdk.isolation.limits import Limits

__all__ = ["Isolated", "Limits"]
