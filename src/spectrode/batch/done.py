"""What makes an experiment done: a complete folder whose fingerprint is that of what was asked for.

A result is made in a hidden folder beside its place and gets its name only when its last file, ``experiment.json``, is
written; a kill leaves a hidden folder that the next start removes. A result of other inputs, another recipe, other
options or another version is moved to ``earlier/`` when the new one is complete, never before.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..serialise import plain, to_json
from .plan import Experiment
from .sources import content_hash

if TYPE_CHECKING:
    from ..pipeline.recipe import Recipe

__all__ = ["MARKER", "fingerprint", "finished", "hidden_folder", "publish", "sweep", "unpublished"]

MARKER = "experiment.json"


def fingerprint(one: Experiment, recipe: Recipe, hashes: dict[str, str]) -> dict[str, Any]:
    """Return what a result depends on: contents of the inputs, effective recipe, options, version, own references.

    Parameters
    ----------
    hashes
        SHA-256 of files that were hashed before, by path; added to, so that a shared trace is read once.

    Raises
    ------
    OSError
        If an input cannot be read.
    """

    def hashed(path: str) -> str:
        if path not in hashes:
            hashes[path] = content_hash(path)
        return hashes[path]

    known = [word.partition(":")[2] for word in recipe.unmixing.known if word.startswith("file:")]
    found = {
        "spectra": [hashed(p) for p in one.spectra],
        "traces": [hashed(p) for p in one.traces],
        "known": [hashed(p) for p in known],
        "recipe": recipe.dumps(),
        "options": {k: v for k, v in analysis_options(one).items() if v is not None},
        "library": _own_library(),
        "spectrode": __version__,
    }
    return dict(json.loads(to_json(found)))


def analysis_options(one: Experiment) -> dict[str, Any]:
    """Return the options of :func:`spectrode.analysis.analyse` for an experiment."""
    return {
        "offset_s": one.offset_s,
        "offset_from": one.offset_from,
        "timezone": one.timezone,
        "reference": one.reference,
        "laser_nm": one.laser_nm,
        "spectra_options": dict(one.spectra_options) or None,
        "trace_options": dict(one.trace_options) if one.trace_options and one.traces else None,
    }


def _own_library() -> str:
    """Return a hash of the user's own library folders; the bundled one belongs to the version."""
    from ..library.collection import own_library_folders

    digest = hashlib.sha256()
    folders = own_library_folders()
    for folder in folders:
        digest.update(content_hash(folder).encode())
    return digest.hexdigest() if folders else ""


def finished(folder: Path) -> dict[str, Any] | None:
    """Return what is written about a complete result; None if the folder holds none."""
    try:
        found = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "fingerprint" in found else None


def hidden_folder(out: Path, name: str, token: str) -> Path:
    """Return where a result is made; ``token`` tells two attempts apart."""
    return out / f".{name}.{token}.partial"


def publish(made: Path, out: Path, name: str, record: Mapping[str, Any], *, keep_earlier: bool) -> None:
    """Write the marker into a finished folder, set an earlier result aside, and give the folder its name."""
    marker = made / MARKER
    with open(marker, "w", encoding="utf-8") as stream:
        json.dump(plain(record), stream, ensure_ascii=False, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    _named(made, out / name, keep_earlier)


def _named(made: Path, place: Path, keep_earlier: bool) -> None:
    if place.exists():
        # What this batch did not make is somebody's work: it is never deleted.
        _set_aside(place, delete=not keep_earlier and finished(place) is not None)
    os.replace(made, place)


def _set_aside(place: Path, *, delete: bool) -> None:
    made_at = (finished(place) or {}).get("finished_at") or datetime.now(UTC).isoformat(timespec="seconds")
    stamp = str(made_at).replace(":", "").replace("+0000", "Z")
    shelf = place.parent / "earlier"
    shelf.mkdir(exist_ok=True)
    target, number = shelf / f"{place.name} {stamp}", 2
    while target.exists():
        target, number = shelf / f"{place.name} {stamp} ({number})", number + 1
    os.replace(place, target)
    if delete:
        shutil.rmtree(target)
        if not any(shelf.iterdir()):
            shelf.rmdir()


def unpublished(out: Path, name: str, wanted: Mapping[str, Any], *, keep_earlier: bool) -> bool:
    """Give a complete result its name that a kill left hidden in its very last moment; True if there was one."""
    for hidden in sorted(_leftovers(out, name)):
        found = finished(hidden / "results")
        if found is not None and found["fingerprint"] == wanted:
            _named(hidden / "results", out / name, keep_earlier)
            return True
    return False


def sweep(out: Path, name: str) -> None:
    """Remove what unfinished attempts at one experiment left behind."""
    for hidden in _leftovers(out, name):
        shutil.rmtree(hidden, ignore_errors=True)


def _leftovers(out: Path, name: str) -> list[Path]:
    if not out.is_dir():
        return []
    # Not a glob, because a name may hold brackets; the token has no dot, so that "a" never takes what is of "a.b".
    head, tail = f".{name}.", ".partial"
    return [
        p
        for p in out.iterdir()
        if p.name.startswith(head) and p.name.endswith(tail) and "." not in p.name[len(head) : -len(tail)]
    ]
