"""Zarr (format 3), for sizes that one file cannot serve: many programs can read and write its chunks at once.

A store is a folder (``save_folder``), or the same in one uncompressed zip file (``x.zarr.zip``), which is what
:func:`spectrode.write` makes. Layout: a group with the attribute ``spectrode`` (JSON: axis, scan, metadata, history,
names of columns) and the arrays ``intensity``, ``shift``, ``mask``, ``variance``, ``columns/<name>``, ``image_<n>``.
Chunks hold whole spectra and are packed with Blosc (LZ4 with shuffling), which never packs more than 255 times.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset import OperandoDataset
from ..errors import SpectrodeError
from ..interop._attributes import ATTRIBUTE, variable_name, words_of
from .registry import Writer

__all__ = ["WRITER", "save", "save_folder"]

_CHUNK_BYTES = 1 << 22


def zarr_package() -> Any:
    """Import zarr, or raise a sentence that says how to install it."""
    try:
        return import_module("zarr")
    except ImportError as error:
        raise SpectrodeError(
            f"zarr cannot be imported ({error}); install it with: pip install 'spectrode[zarr]'"
        ) from error


def save(dataset: OperandoDataset, path: Path) -> None:
    """Write a store in one zip file.

    Raises
    ------
    SpectrodeError
        If zarr is not installed; the sentence says how to.
    """
    zarr = zarr_package()
    path.unlink(missing_ok=True)
    store = zarr.storage.ZipStore(path, mode="w")
    try:
        _fill(zarr, store, dataset)
    finally:
        store.close()


def save_folder(dataset: OperandoDataset, folder: str | Path) -> None:
    """Write a store as a folder, usually named ``x.zarr``; it appears whole or not at all.

    Raises
    ------
    SpectrodeError
        If zarr is not installed, or the folder exists and holds anything that is not of such a store.
    """
    zarr = zarr_package()
    folder = Path(folder)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / "zarr.json").is_file()):
        raise SpectrodeError(f"{folder} holds something that is no Zarr store and is not written to")
    with _replacing(folder) as temporary:
        _fill(zarr, zarr.storage.LocalStore(temporary), dataset)


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """Give a temporary folder that takes the place of ``folder`` if the block ends without an exception."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary, retired = (
            Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=ending, dir=folder.parent))
            for ending in (".partial", ".old")
        )
    except OSError as error:
        raise SpectrodeError(f"{folder} cannot be written: {error.strerror or error}") from None
    try:
        yield temporary
        # mkdtemp makes private folders; results get the permissions that any new folder would have.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o777 & ~umask)
        if folder.exists():
            os.replace(folder, retired / folder.name)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(retired, ignore_errors=True)


def _fill(zarr: Any, store: Any, dataset: OperandoDataset) -> None:
    group = zarr.create_group(store=store, zarr_format=3, attributes={ATTRIBUTE: words_of(dataset)})
    for name, values in _arrays(dataset):
        _write_array(zarr, group, name, values)


def _arrays(dataset: OperandoDataset) -> Iterator[tuple[str, Any]]:
    yield "shift", dataset.shift
    for name, column in dataset.columns.items():
        yield f"columns/{variable_name(name)}", column
    for number, image in enumerate(dataset.metadata.images):
        yield f"image_{number}", np.asarray(image.pixels)
    for name in ("mask", "variance"):
        if getattr(dataset, name) is not None:
            yield name, getattr(dataset, name)
    yield "intensity", dataset.intensity


def _write_array(zarr: Any, group: Any, name: str, values: Any) -> None:
    shape = tuple(values.shape)
    row = max(1, int(np.prod(shape[1:], dtype=np.int64)) * values.dtype.itemsize)
    height = max(1, min(shape[0] if shape else 1, _CHUNK_BYTES // row))
    packing = zarr.codecs.BloscCodec(cname="lz4", clevel=5, shuffle="shuffle", typesize=values.dtype.itemsize)
    stored = group.create_array(
        name,
        shape=shape,
        dtype=np.dtype(values.dtype).newbyteorder("="),
        chunks=(height, *(max(1, size) for size in shape[1:])),
        compressors=packing,
        config={"write_empty_chunks": True},  # a chunk that is not there is a lost one, never zeros
    )
    # Block by block, so that a map larger than memory can be written; each chunk is written once.
    for start in range(0, shape[0], height):
        stored[start : start + height] = np.asarray(values[start : start + height])


WRITER = Writer(
    name="zarr",
    description="Zarr 3 store in one file (x.zarr.zip); loses nothing",
    extensions=(".zip",),
    save=save,
)
