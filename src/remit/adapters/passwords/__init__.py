"""Hashing passwords with what the field recommends."""
