"""What the window shows and why: plain objects without Qt, napari or a screen."""
