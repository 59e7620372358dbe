"""Cameras: what they see becomes counts (observations) and events with a small picture as evidence.

Each camera is a process of its own (:mod:`.process`), started and watched by :mod:`.supervise`, so a camera that
hangs, crashes or is killed stops nothing else. Inside it :mod:`.camera_loop` takes each picture one way::

    capture ─▶ motion (gate) ─▶ detector ─▶ tracker ─▶ scene ─▶ evidence ─▶ messages
    newest       is a look      boxes        objects     lines,    small,     to the
    picture      worth it?                   over time   zones     blurred    gateway

``geometry``, ``tracker`` and ``scene`` are pure: no I/O, `now_s` is an argument. Everything after the detector is
measured in fractions of the picture (0..1, x to the right, y down), so that nothing depends on a stream's resolution.
"""
