"""Saves the dataset behind a layer as a native file."""

from __future__ import annotations

from typing import Any

from .state.session import DATASET_KEY

__all__ = ["write_dataset"]


def write_dataset(path: str, layers: list[tuple[Any, dict[str, Any], str]]) -> list[str]:
    """Write the one dataset that the layers belong to; return the path written.

    Raises
    ------
    SpectrodeError
        If the layers carry no dataset, or more than one.
    """
    from spectrode.errors import SpectrodeError
    from spectrode.writers import write

    found = {
        id(d): d for _, attributes, _ in layers if (d := attributes.get("metadata", {}).get(DATASET_KEY)) is not None
    }
    if len(found) != 1:
        names = ", ".join(str(attributes.get("name")) for _, attributes, _ in layers) or "none"
        raise SpectrodeError(
            f"one experiment is saved at a time, but the layers ({names}) belong to {len(found)}; "
            "select the layers of one"
        )
    write(next(iter(found.values())), path)
    return [path]
