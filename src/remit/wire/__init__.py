"""Formats, without I/O: HTTP/1.1 heads, SSE, JSON-RPC, the protocol revisions. Shared by the MCP surface and the
upstream adapters.
"""
