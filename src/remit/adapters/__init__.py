"""Implementations of the ports: one folder per port kind, one file per implementation."""
