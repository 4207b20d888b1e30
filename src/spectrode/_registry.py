"""Finds reader modules: one format is one module that names itself, and nothing else has to know it."""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from collections.abc import Iterator
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

__all__ = ["discover"]


def discover(package: ModuleType, attribute: str, group: str) -> dict[str, Any]:
    """Return {name: plugin} of all modules of a package, and of installed entry points, that define ``attribute``.

    A broken entry point becomes a warning that names it; the others stay alive.
    """
    found: dict[str, Any] = {}
    for plugin in _bundled(package, attribute):
        found[plugin.name] = plugin
    for entry in entry_points(group=group):
        try:
            plugin = entry.load()
            found[plugin.name] = plugin
        except Exception as error:  # a third party's import may fail in any way
            warnings.warn(f"the plugin {entry.name} ({entry.value}) cannot be used: {error}", stacklevel=2)
    return dict(sorted(found.items()))


def _bundled(package: ModuleType, attribute: str) -> Iterator[Any]:
    for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if info.name.rpartition(".")[2].startswith("_"):
            continue
        plugin = getattr(importlib.import_module(info.name), attribute, None)
        if plugin is not None:
            yield plugin
