"""Lufft IRS31Pro-UMB road weather sensors (UMB binary protocol)."""
