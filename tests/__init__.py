"""Tests; see CONTRIBUTING.md for which folder holds which kind."""
