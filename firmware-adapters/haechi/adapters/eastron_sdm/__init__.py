"""Eastron SDM630 and SDM72 energy meters (Modbus RTU)."""
