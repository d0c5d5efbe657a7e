"""Real MCP peers that the tests start as processes of their own."""
