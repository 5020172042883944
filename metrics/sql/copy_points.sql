COPY stage_point (
    project_id, name, series, time_ns, start_ns, received_at, kind, temporality, monotonic, unit, value, count, total,
    minimum, maximum, histogram, attributes, service, environment
) FROM STDIN (FORMAT BINARY)
