"""How well a camera's settings do on a clip whose truth is known: counts, boxes, false alarms and cost.

Promise: the clip is replayed by its own time, every look of the configured rate is taken however slow the machine is,
and the same clip, truth and settings give the same answer each time (cost apart). What runs is the gateway's own way of
looking (:class:`~haechi.edge.vision.looking.Looker`), not a copy of it.

``truth`` reads what is known, ``replay`` gives the pictures, ``boxes`` and ``alarms`` are pure arithmetic, ``run`` puts
them together.
"""
