"""Converters, one file per family of operations; found because they are there."""
