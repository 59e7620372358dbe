"""A partner's adapter in a process of its own: what it does wrong stays there.

================  ===================================================================================
module            promises
================  ===================================================================================
``limits``        Limits: how much memory, how many values, how long without a sign of life
``messages``      what the two processes say to each other, in frames of bounded size
``voice``         gives commands to the child that reads; ``ears`` are the child's
``said``          what a child says, as one line of bounded length
``overheard``     what passed the child's wires, for whoever listens to the gateway's
``once``          asks a process one thing, within a time and a number of bytes
``isolated``      Isolated: an adapter like any other, whose work is done by the child
``child``         the child: one adapter, one device, its limits; ends with its parent
================  ===================================================================================

A command crosses to the child that reads the device. A child that ends while something is away from its fail-safe state
has another one begun at once that sets it back, and the next one that reads sets it back before it reads. What can't be
promised: where neither reaches the device, it stays as it is until one does, or until the device's own timer ends it.

An adapter that blocks, leaks, crashes or floods is ended, and the gateway's supervisor shows why and starts it again.
The child may be another Python with packages of its own, as long as they include this SDK.

What this is not: a jail. The child runs as the gateway's user and can open what the gateway can open.
"""

from haechi.sdk.isolation.isolated import Isolated
from haechi.sdk.isolation.limits import Limits

__all__ = ["Isolated", "Limits"]
