"""Values that a gateway makes out of what devices said, where one source value is not enough. Pure.

What a device said and what was made of it stay apart: adapters emit the one, these modules make the other. Times are
monotonic seconds and come in as arguments. (A value out of one value, such as a level out of a distance or a stage
above a gauge datum, is :mod:`haechi.edge.derive`.)

================  ====================================================================================
module            promises
================  ====================================================================================
``increase``      by how much a counter rose within a window: rain intensity, traffic flow
``sta_lta``       the recursive STA/LTA ratio of a seismogram
``earthquake``    a seismogram → raised and cleared, with the last seconds kept aside
``traffic``       density and level of service
``ice``           how likely ice lies on a road
``carbon``        energy → carbon dioxide, by the emission factor of the day
================  ====================================================================================
"""
