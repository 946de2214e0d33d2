"""Converters of quantized operators, one file per family; found because they are there."""
