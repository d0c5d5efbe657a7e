"""Remit: an identity and authorization boundary for the Model Context Protocol."""

__version__ = "0.1.0"
