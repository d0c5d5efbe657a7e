"""The record on disk: the writer (`file`) and its parts, and what reads it: `verify`, `reader`, `index`."""
