"""What Haechi is measured by, side by side with the bare loop that is the practical limit, in one run on one machine.

``make bench`` (``ARGS="--quick --json FILE"``) runs every part; ``docs/performance.md`` explains each figure.

==================  ==================================================================================
``__main__``        the command: which parts, the table, the JSON
``figures``         a figure, its floor, how a list of them is written
``bench``           runs parts one after the other: bounded in time, in a folder that is removed
``processes``       processes of ours, and what the kernel says that they cost
``slaves``          Modbus/TCP devices that answer as fast as they are asked (a process)
``bare_loop``       pymodbus and paho-mqtt and nothing else: the limit of the gateway (a process)
``bare_decode``     OpenCV and nothing else: the limit of a camera (a process)
``opening``         opens an outbox and says how long it took (a process)
``agent``           a real gateway process with as many Modbus devices as wanted
``listener``        a subscriber that acknowledges at once and looks into the parcels later
``feeder``          many gateways on one MQTT connection, for the cloud
``walks``           observations as street sensors give them
``part_*``          what is measured
==================  ==================================================================================
"""
