"""AGD 350 traffic radars (serial, speed of each target)."""
