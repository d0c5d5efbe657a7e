"""What survives a restart, as authenticated rows."""
