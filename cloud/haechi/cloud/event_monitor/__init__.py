"""The real-time event monitor: what the city's people and programs see, and the one thing that they say back.

REST and its OpenAPI description under ``/api/v1``, a resumable change feed (server-sent events), ``/metrics``, and the
operator console as static files. It reads the state database, the time-series store and the object store; it writes
only an acknowledgement. Until accounts exist it speaks to its own machine alone (:mod:`.guard`).

===============  ==========================================================================
module           promises
===============  ==========================================================================
``app``          the application, put together
``guard``        who may ask, and the security headers of every answer
``problems``     every refusal is one clear line (RFC 9457)
``parameters``   the bounds of everything that may be asked
``pages``        long lists, newest first, page by page
``views``        the shapes of the answers, with units
``gateways``     gateways, how they are doing, places and things
``series``       datastreams with their newest values, observations over time
``situations``   situations, and the acknowledgement
``events``       events and their evidence pictures
``custody``      what could not be stored: losses and dead letters
``operation``    health, catalogue, base map, metrics
``feed``         the change feed: no gap, no repeat, nothing that is not committed
``stream``       server-sent events on the wire; a client that does not read is dropped
===============  ==========================================================================
"""
