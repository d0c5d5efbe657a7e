"""Processes of stdio servers."""
