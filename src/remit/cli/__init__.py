"""The `remit` command: one file per group. Data on stdout, all else on stderr."""
