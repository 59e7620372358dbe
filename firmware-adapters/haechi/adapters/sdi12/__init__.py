"""Any SDI-12 sensor, its values described in the configuration."""
