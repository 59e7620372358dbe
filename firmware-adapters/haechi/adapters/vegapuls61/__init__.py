"""VEGA VEGAPULS 61 (and 62 to 69) radar level gauges with Modbus electronics."""
