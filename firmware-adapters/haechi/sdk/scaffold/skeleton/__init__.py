"""Acme Gauge: a level gauge on a serial line that says by itself, several times a second, how far away the water is."""
