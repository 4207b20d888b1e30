"""Concentration profiles with a law behind them, and their fit with uncertainties.

:mod:`.laws` has the laws, :mod:`.fit` the fit of spectra by variable projection. A law as a constraint of an
alternating fit is :class:`spectrode.unmixing.constraints.hard.HardModel`.
"""
