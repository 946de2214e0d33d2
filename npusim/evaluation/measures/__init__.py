"""The tasks' own measures: one file each."""
