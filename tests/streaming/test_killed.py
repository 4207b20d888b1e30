"""A stream that is killed at any moment is gone on with, and its file has the bytes of one that was left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the killer forks children, which this system cannot")


def killed(source: Path, folder: Path, *how: object) -> int:
    program = Path(__file__).with_name("killer.py")
    done = subprocess.run(
        [sys.executable, str(program), str(source), str(folder), *map(str, how)],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_killed_at_some_calls(hard_file, tmp_path):
    assert killed(hard_file, tmp_path, "calls", 5, 90) >= 3


def test_killed_at_some_moments(hard_file, tmp_path):
    assert killed(hard_file, tmp_path, "moments", 3) >= 3


@pytest.mark.slow
def test_killed_at_every_call(hard_file, tmp_path):
    assert killed(hard_file, tmp_path, "calls", 1, 1) > 100


@pytest.mark.slow
def test_killed_at_many_moments(hard_file, tmp_path):
    assert killed(hard_file, tmp_path, "moments", 100) >= 100
