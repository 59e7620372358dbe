"""Commands to devices: at most once, journalled before they are written, back to the fail-safe state by themselves.

Promise: a device is told something only if its adapter declares the actuator, the configuration names it, the value
is within both their bounds, the command is neither expired nor known already, and the journal on the disk holds it.
What was begun and not finished when the agent ended is ``unknown``: it is told, and never sent again. What is not in
its fail-safe state goes back there after its time, when the agent stops, and at the start after a kill.

============  =========================================================================================
``allowed``   what the configuration lets through, with its bounds
``journal``   which commands were begun and what became of them, beside the outbox
``desk``      takes commands, carries them out, sets back what has been on long enough
============  =========================================================================================
"""
