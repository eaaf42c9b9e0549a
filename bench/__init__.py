"""Measurements, each a ratio against its limit, taken in one run: `make bench`."""
