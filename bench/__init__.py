"""Measurements. Every benchmark prints ratios of figures measured in one run, on one machine."""
