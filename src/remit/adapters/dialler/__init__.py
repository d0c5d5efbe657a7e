"""Connections out, each checked when it is dialled."""
