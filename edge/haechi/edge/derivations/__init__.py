"""Values that a gateway makes out of what devices said, where one source value is not enough. Pure.

What a device said and what was made of it stay apart: adapters emit the one, these modules make the other. Times are
monotonic seconds and come in as arguments. (A value out of one value, such as a level out of a distance or a stage
above a gauge datum, is :mod:`haechi.edge.derive`.)

================  ====================================================================================
module            promises
================  ====================================================================================
``config``        ``[[derivation]]`` and ``[[local]]`` as people write them
``planning``      what of that cannot be, in one line; the rest made ready
``chain``         all of them at work: readings in, computed readings out, what is local kept here
``computations``  each kind at work: sources, staleness and quality
``increase``      by how much a counter rose within a window: rain intensity, traffic flow
``window``        an amount by the time in which it came
``occupancy``     for which share of a window a detector was covered
``sta_lta``       the recursive STA/LTA ratio of a seismogram
``earthquake``    a seismogram → how strongly the ground shakes, each second and at once when it does
``traffic``       density and level of service
``ice``           how likely ice lies on a road
``carbon``        energy → carbon dioxide, by the emission factor of the day
================  ====================================================================================
"""
