"""The bundled sample in a real window with real mouse events; in a process of its own, under Xvfb where possible."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.gui

SCRIPT = Path(__file__).with_name("real_window.py")


def _run(folder: Path, *options: str) -> dict:
    command = [sys.executable, str(SCRIPT), str(folder), *options]
    # A screen of known size and software OpenGL, so that the picture is the same everywhere.
    if shutil.which("xvfb-run"):
        command = ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24", *command]
    elif not os.environ.get("DISPLAY") and sys.platform.startswith("linux"):
        pytest.skip("a real window needs a screen: install xvfb (apt-get install xvfb), or set DISPLAY")
    environment = {k: v for k, v in os.environ.items() if k != "QT_QPA_PLATFORM"} | {"LIBGL_ALWAYS_SOFTWARE": "1"}
    run = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False, env=environment)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-4000:]
    return json.loads((folder / "facts.json").read_text(encoding="utf-8"))


def _colours(path: Path) -> int:
    from matplotlib.image import imread

    picture = imread(path)
    assert picture.shape[:2] == (1000, 1600)
    return len(np.unique((picture[..., :3] * 255).astype(np.uint8).reshape(-1, 3), axis=0))


def test_the_sample_opens_and_follows_mouse_and_range(tmp_path):
    facts = _run(tmp_path)
    assert facts["layers_first"] == ["Operando SHINERS (simulated): total (counts)"]
    off = np.abs(np.subtract(facts["hit_um"], facts["aimed_at_um"])) / facts["step_um"]
    assert (off <= 0.55).all(), facts
    assert facts["hit_frame"] == facts["frame"]
    assert "V\N{NO-BREAK SPACE}vs\N{NO-BREAK SPACE}Li/Li+" in facts["status"]
    assert facts["layers_band"][1] == "band 1060–1115 cm⁻¹ (counts·cm⁻¹)"
    assert facts["listeners_gone"] == 1
    # A blank or crashed canvas has a handful of colours.
    assert _colours(tmp_path / "1-sample.png") > 200
    assert _colours(tmp_path / "3-light.png") > 200


@pytest.mark.slow
def test_the_sample_is_analysed(tmp_path):
    facts = _run(tmp_path, "--analyse")
    assert not facts["message"].startswith("⚠"), facts["message"]
    compounds = {row[1]: row[2] for row in facts["rows"]}
    assert compounds.get("Lithium carbonate") == "assigned", facts["rows"]
    components = [name for name in facts["layers_end"] if name[0].isdigit()]
    assert len(components) == len({row[0] for row in facts["rows"]})
