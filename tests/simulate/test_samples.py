"""The bundled sample: the files that the manifest names, and an experiment whose truth fits its counts."""

from __future__ import annotations

import shlex

import numpy as np
import pytest

from spectrode.electrochemistry.readers import read_trace
from spectrode.errors import SpectrodeError, UnreadableFile
from spectrode.readers import read
from spectrode.simulate import preset, read_truth, sample_names, sample_paths, simulate_experiment
from spectrode.simulate.samples import SamplePaths


@pytest.fixture(scope="module")
def sample():
    return sample_paths("sei_shiners")


@pytest.fixture(scope="module")
def truth(sample):
    return read_truth(sample.truth)


def test_the_files_are_those_of_the_manifest_and_small(sample):
    assert sample_names() == ("sei_shiners",)
    assert sample.changed() == []
    assert sample.map.stat().st_size < 1.8e6
    assert sample.truth.stat().st_size < 0.8e6


def test_the_trace_covers_every_exposure(sample, truth):
    dataset, trace = read(sample.map), read_trace(sample.trace, timezone=sample.potentiostat_zone)
    lead = (dataset.metadata.started_at - trace.started_at).total_seconds()
    start = dataset.columns["time_s"] + lead
    assert start.min() >= trace.time_s[0]
    assert (start + dataset.columns["exposure_s"]).max() <= trace.time_s[-1]
    np.testing.assert_allclose(start, truth.start_s, atol=1e-5)
    seen = np.interp(dataset.mid_time_s + lead, trace.time_s, trace.potential_v)
    np.testing.assert_allclose(seen, truth.potential_v, atol=2e-3)


def test_the_counts_are_the_truth_and_noise(sample, truth):
    dataset = read(sample.map)
    z = (dataset.intensity - truth.expected_counts()) / np.sqrt(truth.variance_counts())
    good = ~truth.cosmic_mask
    assert z[good].var() == pytest.approx(1.0, abs=0.01)
    assert np.abs(z[good]).max() < 6.5


def test_the_settings_in_the_manifest_make_it_again(sample, truth):
    again = simulate_experiment(sample.settings()).truth
    np.testing.assert_allclose(again.concentrations, truth.concentrations, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(again.fluorescence, truth.fluorescence, rtol=1e-5)
    np.testing.assert_allclose(again.pure_spectra, truth.pure_spectra, atol=1e-6)
    assert np.array_equal(again.cosmic_mask, truth.cosmic_mask)


def test_the_command_line_in_the_manifest_has_the_same_settings(sample):
    words = shlex.split(sample.facts()["made_by"])
    assert words[:3] == ["spectrode", "simulate", "sample_data/sei_shiners"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert preset(options["--preset"], seed=int(options["--seed"])) == sample.settings()


def test_the_answer_can_be_recovered(sample, truth):
    """With background and spikes known, plain least squares on the pure spectra finds the concentrations."""
    dataset = read(sample.map)
    signal = dataset.intensity - truth.fluorescence - truth.flash_light() - truth.scalars["offset_counts"]
    weight = np.where(truth.cosmic_mask, 0.0, 1 / np.sqrt(truth.variance_counts()))
    design = truth.pure_spectra[None] * weight[:, None, :]
    normal = design @ design.transpose(0, 2, 1)
    right = np.einsum("nkc,nc->nk", design, signal * weight)
    found = np.linalg.solve(normal, right[..., None])[..., 0]
    error = np.sqrt(np.linalg.inv(normal)[:, range(5), range(5)])
    pull = (found - truth.concentrations) / error
    assert pull.std(axis=0) == pytest.approx(np.ones(5), abs=0.08)
    late = truth.start_s > 3500
    for k in np.flatnonzero(truth.near_field):
        assert np.median(truth.concentrations[late, k] / error[late, k]) > 4
        assert np.corrcoef(found[:, k], truth.concentrations[:, k])[0, 1] > 0.97


def test_frames_before_the_first_onset_show_no_interface(truth):
    first = truth.concentrations.reshape(16, 80, 5)[:5]
    assert first[..., truth.near_field].max() < 1.0


def test_an_unknown_sample_is_one_sentence(tmp_path):
    with pytest.raises(SpectrodeError, match="no bundled sample 'cei'; possible: sei_shiners"):
        sample_paths("cei")
    with pytest.raises(UnreadableFile, match="does not exist"):
        SamplePaths.of(tmp_path).facts()
