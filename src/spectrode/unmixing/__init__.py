"""Spectra into components: how many (:mod:`.rank`), where to start (:mod:`.initial`), and the factorisation itself.

The public entries are :func:`.unmix.unmix`, :func:`.rank.estimate_rank` and :class:`.result.Decomposition`; nothing
is imported here, so that scipy and scikit-learn load only when they are used.
"""
