"""Puts the parts together. The only reader of files and environment, and the only importer of adapters."""
