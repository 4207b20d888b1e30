"""Damaged potentiostat files: a trace, or a refusal that names the file, in bounded time; anything else fails."""

from __future__ import annotations

import time
from pathlib import Path

from spectrode.electrochemistry.readers import read_trace
from spectrode.errors import UnreadableFile

SECONDS = 2.0


def survives(reader: str, path: Path, content: bytes) -> bool:
    """Return True if it was read, False if it was refused."""
    path.write_bytes(content)
    begun = time.process_time()
    refused = ""
    try:
        read_trace(path, reader=reader)
    except UnreadableFile as refusal:
        refused = str(refusal)
    assert time.process_time() - begun < SECONDS
    assert not refused or str(path) in refused
    return not refused
