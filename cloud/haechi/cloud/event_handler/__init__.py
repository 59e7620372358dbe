"""Event handler: makes one situation out of many events.

* :mod:`haechi.cloud.event_handler.situations`  the rules, pure: what an event does to its condition and situation
* :mod:`haechi.cloud.event_handler.handler`     applies them to the tables, inside the transaction of the parcel
* :mod:`haechi.cloud.event_handler.seen`        events that only the cloud can see: gateways away, or two of one name
"""
