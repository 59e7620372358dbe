"""Senseair S8 carbon dioxide sensors (Modbus RTU)."""
