"""Documentation that is complete, fresh and leads somewhere."""
