"""The real MCP servers of the demo: pinned, fetched on request, kept outside the checkout."""
