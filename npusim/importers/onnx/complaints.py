"""What pydantic says about a layer or network that an ONNX file led to."""

from __future__ import annotations

from pydantic import ValidationError

from npusim.errors import InputError
from npusim.files.explain import dotted


def first_complaint(error: ValidationError) -> InputError:
    """Its first complaint, with the key."""
    complaint = error.errors(include_url=False, include_input=False)[0]
    return InputError(complaint["msg"].removeprefix("Value error, "), key=dotted(complaint["loc"]) or None)
