"""Servers behind Remit: over Streamable HTTP and stdio, in both eras."""
