"""Moxa ioLogik E1200 digital inputs and relays (Modbus/TCP): contacts, counters of pulses, sirens and barriers."""
