"""Pages of the queue, of one request and of feedback."""
