"""Receivers of satellite navigation that speak NMEA 0183: position and time."""
