"""Event broker: everything between the MQTT broker and what is durably stored.

===============  ======================================================================================
module           promises
===============  ======================================================================================
``link``         one MQTT 5 connection, kept up; a message is acknowledged when its handler has returned
``embedded``     a broker of our own in a child process, restarted when it dies or freezes
``credentials``  who may enter that broker
``arrivals``     what came: a parcel, a status, or something for the dead letters
``apply``        parcels, statuses and dead letters → one transaction → what may be acknowledged
``intake``       points, then the transaction, then the acknowledgement; waits while a store is down
``batches``      messages read, and cut so that neither memory nor a transaction grows without bound
``storing``      pictures and points, durable before the state may hear of them
``lanes``        messages that wait, taken in batches
``acknowledge``  acknowledgements to gateways, gathered, one message a gateway
``store_watch``  the time-series store: does it answer, and was it restored to an older day
``replay``       dead letters, read once more
``meters``       the counters of ``/metrics``
===============  ======================================================================================
"""
