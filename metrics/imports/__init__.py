"""Files of traces and labels to the rows of ingest. Pure: no database, no clock, no files."""
