"""Campbell Scientific CS475, CS476 and CS477 radar level sensors (SDI-12)."""
