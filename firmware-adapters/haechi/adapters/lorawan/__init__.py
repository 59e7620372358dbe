"""LoRaWAN devices behind a network server (ChirpStack 4, The Things Stack 3)."""
