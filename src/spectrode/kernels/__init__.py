"""Compiled kernels over blocks of spectra. Imported only by the functions that run them, because numba takes 0.5 s."""
