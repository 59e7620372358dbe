"""Tipping-bucket rain gauges behind a Sutron SDI-TB (SDI-12)."""
