"""Finds what the files of a folder define: one layer, one step, one pass a file."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

from npusim.model import Model

M = TypeVar("M", bound=Model)


def find(package: ModuleType, base: type[M], tag: str) -> dict[str, type[M]]:
    """All subclasses of `base` defined in a package's modules, by the literal of their `tag` field.

    A newcomer's file is found because it is there; nothing else has to name it.
    """
    found: dict[str, type[M]] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        for value in vars(importlib.import_module(f"{package.__name__}.{module}")).values():
            if isinstance(value, type) and issubclass(value, base) and tag in value.model_fields:
                found[value.model_fields[tag].default] = value
    return dict(sorted(found.items()))
