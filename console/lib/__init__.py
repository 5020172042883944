"""Small infrastructure without models: may be imported by every app and imports none of them."""
