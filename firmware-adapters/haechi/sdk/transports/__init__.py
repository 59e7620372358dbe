"""Wires that more than one adapter needs: serial line, Modbus, SDI-12, UMB, TCP, UDP, MQTT, HTTP.

They raise :class:`~haechi.sdk.errors.NotConnected` and :class:`~haechi.sdk.errors.BadReading`, never an ``OSError``,
and release their port when they are closed or their task is cancelled.
"""
