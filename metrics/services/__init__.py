"""What changes telemetry outside the hot path: partitions, rollups, heartbeats."""
