"""Why a client cannot log in at an MCP server: evidence in, ranked causes out."""
