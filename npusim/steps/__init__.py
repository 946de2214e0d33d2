"""The steps of programs: one file each, found because it is there."""
