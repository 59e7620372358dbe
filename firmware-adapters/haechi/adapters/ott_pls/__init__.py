"""OTT PLS pressure level sensors (SDI-12)."""
