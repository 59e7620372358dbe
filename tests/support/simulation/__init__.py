"""A city in one event queue: gateways, disks, links, broker and cloud under seeded faults; the same seed, the same run.

What decides is the product's own code: recorder, rules, outbox, uplink session and schedule on the gateway; intake,
transaction, situations, acknowledger, state and embedded point store in the cloud. Simulated are time, the threads of
the disks, sockets and MQTT, crashes, power cuts and wall clocks.

===============  ======================================================================================
``loop``         an asyncio loop whose time is a number: nothing waits, nothing runs beside anything else
``process``      a process that can be killed before or after any step of its disk, or lose its power there
``images``       what of a SQLite file survives a kill, and a power cut with torn and reordered writes
``broker``       an MQTT broker that loses, repeats, reorders, forgets, freezes and refuses
``link``         the gateway's connection to it, in the place of :class:`haechi.edge.uplink.link.Link`
``gateway``      the gateway's own code on a simulated disk, clock and link
``cloud``        the cloud's own code on a simulated disk and link
``truth``        what was committed: kept outside of everything that can fail
``promise``      the invariant: what was committed is stored once, or lies in a reported loss
``faults``       what is broken, and when
``schedule``     one seed, from the first reading to the verdict
===============  ======================================================================================
"""
