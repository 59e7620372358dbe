"""Water in a camera's picture.

* :mod:`haechi.edge.vision.water.waterline`  where the water meets a gauge, in one picture; pure
* :mod:`haechi.edge.vision.water.proof`      whether it is water that begins there; pure
* :mod:`haechi.edge.vision.water.gauge`      the level over time, with its quality; pure
* :mod:`haechi.edge.vision.water.surface`    whether a road is wet or under water; pure
* :mod:`haechi.edge.vision.water.watch`      all of a camera's gauges and surfaces, picture by picture
"""
