"""Proof that a governed MCP server behaves as the same server does without Remit in front of it."""
