"""Checking a call's arguments against its tool's inputSchema."""
