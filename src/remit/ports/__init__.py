"""What the flows need from the world, as Protocols. Adapters implement them; `remit.testing` holds a fake of each."""
