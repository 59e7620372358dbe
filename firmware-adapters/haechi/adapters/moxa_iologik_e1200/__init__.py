"""Moxa ioLogik E1200 digital inputs (Modbus/TCP): contacts, and counters of pulses."""
