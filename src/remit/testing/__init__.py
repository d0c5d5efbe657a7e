"""Honest fakes, one per port, held to the same contract suites as the adapters."""
