"""Corrections of spectra, one module a family; arrays in, arrays out. See :mod:`spectrode.pipeline.step`."""
