"""What agents want to do, and what people decided."""
