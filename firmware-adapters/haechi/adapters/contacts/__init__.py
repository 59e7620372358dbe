"""Contacts on the gateway's own inputs: doors, float switches, emergency buttons, pulses."""
