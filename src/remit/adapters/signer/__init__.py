"""Keys by purpose, kept in files."""
