"""The MCP endpoint: `/mcp` and `/mcp/{server}`, both protocol eras, on the hot server."""
