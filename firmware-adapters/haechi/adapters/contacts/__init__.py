"""Contacts on the gateway's own lines: doors, floats, emergency buttons, pulses; sirens and lights to switch."""
