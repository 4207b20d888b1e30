"""Zarr stores that :mod:`spectrode.writers.zarr_store` wrote: a zip file, or a folder (``load_folder``).

Structure. A group with the attribute ``spectrode`` and arrays of whole spectra a chunk (see the writer). Sizes in the
metadata are compared with what is stored before anything is read: every chunk must be there, none packed more than
Blosc can, and the zip file must not be compressed itself. Units and times are those of the columns
(:mod:`spectrode.columns`); all comes back as it was written.

Not read: Zarr stores of other programs, and format 2.

Tests use stores that the writer makes.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import OperandoDataset
from ..errors import SpectrodeError, UnreadableFile
from ..interop._attributes import ATTRIBUTE, fields_of, pair, parse
from ..metadata import FieldImage
from .registry import Reader

__all__ = ["READER", "load", "load_folder"]

_MAX_PACKING = 256  # LZ4 packs at most 255 times, Blosc adds a header
_ALWAYS_ALLOWED = 1 << 20
_MAX_ROOT = 1 << 28


def sniff(path: Path, head: bytes) -> bool:
    """Recognise a zip file whose root is a Zarr group with our attribute (for a folder, ``head`` is its zarr.json)."""
    if path.is_dir():
        return b"zarr_format" in head and f'"{ATTRIBUTE}"'.encode() in head
    if not head.startswith(b"PK\x03\x04") or b"zarr.json" not in head:
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo("zarr.json")
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > _MAX_ROOT:
                return False
            return ATTRIBUTE in json.loads(archive.read(info)).get("attributes", {})
    except zipfile.BadZipFile:
        return path.name.lower().endswith(".zarr.zip")  # damaged: claimed so that reading says what is wrong
    except Exception:  # zipfile raises nearly anything for damaged files
        return False


def load(path: Path) -> OperandoDataset:
    """Read a store whole.

    Raises
    ------
    UnreadableFile
        If it is damaged or no store of Spectrode.
    SpectrodeError
        If zarr is not installed; the sentence says how to.
    """
    if path.is_dir():
        return load_folder(path)
    zarr = _zarr()
    with _guarded(path):
        sizes = _zip_sizes(path)
        store = zarr.storage.ZipStore(path, mode="r")
        try:
            return _dataset(zarr, path, store, sizes, lazy=False)
        finally:
            store.close()


def load_folder(folder: str | Path, *, lazy: bool = False) -> OperandoDataset:
    """Read a store in a folder.

    Parameters
    ----------
    lazy
        Leave the intensities in the store, as a dask array with the store's chunks.

    Raises
    ------
    UnreadableFile
        If it is damaged or no store of Spectrode.
    SpectrodeError
        If zarr is not installed; the sentence says how to.
    """
    zarr = _zarr()
    folder = Path(folder)
    if not (folder / "zarr.json").is_file():
        raise UnreadableFile(folder, "is no Zarr store (there is no zarr.json in it)")
    with _guarded(folder):
        sizes = {p.relative_to(folder).as_posix(): p.stat().st_size for p in folder.rglob("*") if p.is_file()}
        return _dataset(zarr, folder, zarr.storage.LocalStore(folder, read_only=True), sizes, lazy=lazy)


def _zarr() -> Any:
    from ..writers.zarr_store import zarr_package

    return zarr_package()


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    try:
        yield
    except SpectrodeError as error:
        raise error if isinstance(error, UnreadableFile) else UnreadableFile(path, f"is damaged ({error})") from None
    except Exception as error:  # zarr, its codecs and zipfile raise nearly anything for damaged content
        raise UnreadableFile(path, f"is a damaged Zarr store ({type(error).__name__}: {error})") from None


def _zip_sizes(path: Path) -> dict[str, int]:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if any(e.compress_type != zipfile.ZIP_STORED or e.file_size != e.compress_size for e in entries):
        raise UnreadableFile(path, "is a compressed zip file, where a Zarr store must be uncompressed")
    return {e.filename: e.file_size for e in entries}


def _dataset(zarr: Any, path: Path, store: Any, sizes: Mapping[str, int], *, lazy: bool) -> OperandoDataset:
    if sizes.get("zarr.json", 0) > _MAX_ROOT:
        raise UnreadableFile(path, "has metadata larger than any that Spectrode writes")
    group = zarr.open_group(store, mode="r", zarr_format=3)
    if ATTRIBUTE not in group.attrs:
        raise UnreadableFile(path, "is a Zarr store, but not one that Spectrode wrote")
    own = parse(str(group.attrs[ATTRIBUTE]))
    fields = fields_of(own)

    def array(name: str) -> NDArray[Any]:
        return np.asarray(_checked(path, group[name], name, sizes)[...])

    def optional(name: str) -> NDArray[Any] | None:
        return array(name) if f"{name}/zarr.json" in sizes else None

    images = tuple(
        FieldImage(str(name), array(f"image_{number}"), pair(x_um), pair(y_um))
        for number, (name, x_um, y_um) in enumerate(own["images"])
    )
    intensity: Any = array("intensity") if not lazy else _lazy(_checked(path, group["intensity"], "intensity", sizes))
    return OperandoDataset(
        intensity=intensity,
        shift=array("shift"),
        columns={name: array(f"columns/{variable}") for name, variable in own["columns"].items()},
        mask=optional("mask"),
        variance=optional("variance"),
        axis_kind=own["axis_kind"],
        **{**fields, "metadata": fields["metadata"].replace(images=images)},
    )


def _checked(path: Path, stored: Any, name: str, sizes: Mapping[str, int]) -> Any:
    """Return the array if all that it declares is stored."""
    chunks = [size for entry, size in sizes.items() if entry.startswith(f"{name}/c/")]
    declared = math.prod(-(-size // chunk) for size, chunk in zip(stored.shape, stored.chunks, strict=True))
    claimed = math.prod((*stored.shape, stored.dtype.itemsize))
    # A chunk at the end of an array is stored whole.
    held = math.prod((*stored.chunks, stored.dtype.itemsize)) * declared
    if declared != len(chunks):
        raise UnreadableFile(path, f"declares {declared} chunks of {name}, but holds {len(chunks)}; it is damaged")
    if max(claimed, held) > _ALWAYS_ALLOWED and max(claimed, held) > _MAX_PACKING * sum(chunks):
        raise UnreadableFile(path, f"declares {claimed} bytes of {name}, but stores only {sum(chunks)} for it")
    return stored


def _lazy(stored: Any) -> Any:
    import dask.array as da

    return da.from_array(stored, chunks=stored.chunks)


READER = Reader(
    name="zarr",
    description="Zarr 3 store that Spectrode wrote, in one file (x.zarr.zip)",
    extensions=(".zip",),
    sniff=sniff,
    load=load,
    gives=("times", "start with zone", "positions", "scan", "laser", "power", "image"),
)
