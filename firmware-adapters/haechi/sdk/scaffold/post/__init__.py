"""Acme Post: a post with a siren and a battery, over TCP; the siren is sounded on command."""
