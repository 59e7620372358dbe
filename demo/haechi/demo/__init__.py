"""A whole city on one machine: real protocols, a real camera stream, one gateway, one cloud.

The only code that knows both sides. It starts what a city would have, each in a process of its own, tells a story with
simulated devices, and at the end counts what was committed against what was stored.

=================  ==============================================================================
module             promises
=================  ==============================================================================
``story``          what the weather, the river and the traffic do at each moment (pure)
``devices``        the simulated devices, speaking Modbus TCP and a serial gauge's frames
``clip``           a clip of a real street, as H.264
``data_packages``  what PyPI's packages carry, read without installing them
``camera``         that clip as an RTSP camera
``city``           the configuration of gateway and cloud
``basemap``        the districts around it, for the map
``keeper``         child processes, started again when they die
``watch``          what an operator would see, as lines of text, and how long it took to get there
``report``         committed against stored
``run``            puts it all together
=================  ==============================================================================
"""
