"""The rules: one class in one file each, found by walking this package."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from losslint.rules.base import Rule


@cache
def catalogue() -> dict[str, Rule]:
    """Code -> rule, sorted by code."""
    rules: list[Rule] = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        rules += [
            item()
            for item in vars(module).values()
            if isinstance(item, type)
            and issubclass(item, Rule)
            and item is not Rule
            and item.__module__ == module.__name__
        ]
    return {rule.code: rule for rule in sorted(rules, key=lambda rule: rule.code)}
