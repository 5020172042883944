"""The command line `handrail`."""
