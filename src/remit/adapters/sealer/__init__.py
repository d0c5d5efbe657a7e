"""Sealers: authenticated encryption of what clients keep for us."""
