"""Wires that more than one adapter needs: a serial line, and a Modbus master over TCP or RTU.

They raise :class:`~haechi.sdk.errors.NotConnected` and :class:`~haechi.sdk.errors.BadReading`, never an ``OSError``,
and release their port when they are closed or their task is cancelled.
"""
