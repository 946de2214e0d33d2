"""Evaluation: samples in, measures out; ``npusim.evaluate`` is its door."""
