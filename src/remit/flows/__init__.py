"""One file per walk, read top to bottom. Start with `tool_call`."""
