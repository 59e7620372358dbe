"""The gateway agent: reads devices and cameras, judges on the spot, and hands everything to the cloud, losing nothing.

==============  ======================================================================================
module          promises
==============  ======================================================================================
``config``      GatewayConfig: one TOML file, checked whole before anything starts
``clock``       microseconds that only rise; a backward step becomes a new generation
``derive``      values computed from values, exact where the device gave integers
``normalise``   samples → readings: stamped, finite, in range or marked bad
``records``     which readings bear their device's own time, and which of those are of the past
``rules``       pure state machines: readings → events
``builder``     readings, events and pictures → parcel contents of the right size and priority
``recorder``    the one road into the outbox: order, group commit, epochs
``outbox``      the durable, bounded queue
``uplink``      the outbox's MQTT side: what to send when, and acting on what comes back
``health``      how every component is doing, for the status
``supervisor``  keeps one task alive, whatever it throws
``agent``       the composition root
``cli``         ``haechi edge …``
==============  ======================================================================================
"""
