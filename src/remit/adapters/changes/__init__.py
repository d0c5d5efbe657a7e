"""Where news of changed lists comes from."""
