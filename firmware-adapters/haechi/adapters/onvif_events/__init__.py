"""What ONVIF cameras tell by themselves: motion, tampering, digital inputs, analytics of their own."""
