"""Plantower PMS5003 particulate matter sensors (serial, active mode)."""
