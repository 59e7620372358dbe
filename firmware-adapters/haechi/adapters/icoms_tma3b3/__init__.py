"""Icoms TMA-3B3 traffic counters (serial, one message a vehicle)."""
