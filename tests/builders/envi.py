"""Writes small ENVI headers and binary files from known numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CODES = {"u1": 1, "i2": 2, "i4": 3, "f4": 4, "f8": 5, "u2": 12, "u4": 13, "i8": 14, "u8": 15}
LINES, SAMPLES, BANDS = 3, 4, 5


def cube() -> NDArray[np.float64]:
    """(lines, samples, bands): a value that tells line, sample and band."""
    y, x, b = np.meshgrid(range(LINES), range(SAMPLES), range(BANDS), indexing="ij")
    return (y * 60 + x * 10 + b + 1).astype(float)


def binary(values: NDArray[np.float64], interleave: str, code: str, big: bool = False, offset: int = 0) -> bytes:
    order = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}[interleave]
    stored = np.ascontiguousarray(values.transpose(order)).astype((">" if big else "<") + code)
    return b"\xee" * offset + stored.tobytes()


def header(interleave: str = "bsq", code: str = "f4", big: bool = False, offset: int = 0, **fields: object) -> str:
    """A header; ``fields`` replace or add (None takes one out; ``_`` in names is a space)."""
    found: dict[str, object] = {
        "description": "{made, by hand\n for tests}",
        "samples": SAMPLES,
        "lines": LINES,
        "bands": BANDS,
        "header offset": offset,
        "file type": "ENVI Standard",
        "data type": CODES[code],
        "interleave": interleave,
        "byte order": int(big),
        "wavelength units": "Nanometers",
        "wavelength": "{" + ",\n ".join(str(500.5 + 2 * k) for k in range(BANDS)) + "}",
    }
    found.update({name.replace("_", " "): value for name, value in fields.items()})
    return "ENVI\n; a comment = no field\n" + "".join(f"{k} = {v}\n" for k, v in found.items() if v is not None)


def write(
    folder: Path, interleave: str = "bsq", code: str = "f4", *, big: bool = False, offset: int = 0, name: str = "made",
    ending: str = ".img", values: NDArray[np.float64] | None = None, **fields: object,
) -> Path:  # fmt: skip
    """Write both files and return the path of the header."""
    content = binary(cube() if values is None else values, interleave, code, big, offset)
    (folder / f"{name}{ending}").write_bytes(content)
    path = folder / f"{name}.hdr"
    path.write_text(header(interleave, code, big, offset, **fields))
    return path


def examples() -> dict[str, bytes]:
    """Return headers with their binary files, by name."""
    found: dict[str, bytes] = {}
    for interleave, code in (("bsq", "u2"), ("bil", "f4"), ("bip", "f8")):
        found[f"{interleave}.hdr"] = header(interleave, code).encode()
        found[f"{interleave}.img"] = binary(cube(), interleave, code)
    return found
