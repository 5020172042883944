"""What metric points mean: increases of counters, merged histograms, quantiles. Pure: no database, no clock."""
