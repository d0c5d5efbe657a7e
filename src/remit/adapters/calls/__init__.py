"""The calls in flight."""
