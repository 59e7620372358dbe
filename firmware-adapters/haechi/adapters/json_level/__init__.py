"""Level gauges that send JSON over MQTT, such as our reference firmware."""
