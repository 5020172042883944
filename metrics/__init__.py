"""What agents did: telemetry, money, alerts."""
