"""Raspberry Shake seismometers (UDP datacast)."""
