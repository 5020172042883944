"""From bytes on the wire to rows in the database."""
