"""Ultrasonic water-level gauges on a serial line: MaxBotix ``Rnnnn`` and four-byte binary frames (A02YYUW kind)."""
