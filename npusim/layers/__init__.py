"""The layers of float networks: one file each, found because it is there."""
