"""One file per family of TOSA operations."""
