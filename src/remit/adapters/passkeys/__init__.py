"""Verifying passkeys."""
