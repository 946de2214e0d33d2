"""How steps with much to prepare are executed."""
