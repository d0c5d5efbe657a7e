"""The time and randomness of the machine."""
