"""The REST API's shared base, and its endpoints about people and projects."""
