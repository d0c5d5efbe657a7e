"""The authorization server: token endpoint, keys and metadata."""
