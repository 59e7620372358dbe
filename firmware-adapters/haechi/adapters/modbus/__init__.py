"""Any Modbus device, TCP or RTU, described by a register map in the configuration."""
