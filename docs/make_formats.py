"""Write ``docs/formats.md`` from what the readers declare."""

from pathlib import Path

from spectrode.inspection import formats_page

(Path(__file__).parent / "formats.md").write_text(formats_page(), encoding="utf-8")
