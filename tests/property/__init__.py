"""Theorems: what holds for every input, not for the ones we thought of."""
