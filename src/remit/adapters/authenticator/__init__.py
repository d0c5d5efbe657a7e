"""Stage 1: verifying presented tokens and client assertions."""
