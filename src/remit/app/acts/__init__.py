"""What administrators do: one function an act, and the table of them."""
