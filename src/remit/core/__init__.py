"""Values and rules. Pure: time, randomness and I/O come in as arguments; nothing here awaits."""
