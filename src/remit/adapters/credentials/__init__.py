"""Where credentials for servers come from."""
