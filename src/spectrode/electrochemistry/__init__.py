"""Potentiostat files, segments, and the clock that gives each spectrum its potential."""
