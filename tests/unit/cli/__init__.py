"""The command line, against an administration socket that answers what a test says."""
