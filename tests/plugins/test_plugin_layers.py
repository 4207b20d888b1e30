"""Layers in a viewer model without a window; reader, writer and manifest."""

from __future__ import annotations

import importlib.resources

import numpy as np
import pytest

from napari_spectrode import layers as layers_module
from napari_spectrode.layers import add_layers, band_layer, component_layers, dataset_layers, experiment_layers
from napari_spectrode.reader import get_reader
from napari_spectrode.state.experiment import ExperimentState
from napari_spectrode.state.join import JoinSettings
from napari_spectrode.writer import write_dataset
from spectrode.dataset import OperandoDataset
from spectrode.errors import SpectrodeError

napari = pytest.importorskip("napari", reason="the plugin's layer tests need napari: install spectrode[gui]")


@pytest.fixture
def viewer():
    from napari.components import ViewerModel

    return ViewerModel()


@pytest.fixture
def experiment(truth):
    experiment = ExperimentState(truth.dataset, truth.trace)
    experiment.join_trace(JoinSettings())
    return experiment


def test_map_layer_has_the_stage_scale(viewer, truth):
    (layer,) = add_layers(viewer, dataset_layers(truth.dataset))
    assert layer.data.shape == (3, 4, 5)
    np.testing.assert_allclose(layer.scale, [1, -1.5, 2])
    assert [str(u) for u in layer.units] == ["pixel", "micrometer", "micrometer"]
    assert viewer.dims.axis_labels == ("frame", "y", "x")
    assert viewer.dims.nsteps[0] == 3
    assert layer.metadata["spectrode"] is truth.dataset
    # world coordinates are stage coordinates
    k = 27
    world = (1, truth.dataset.columns["y_um"][k], truth.dataset.columns["x_um"][k])
    place = tuple(np.round(layer.world_to_data(world)).astype(int))
    assert layer.data[place] == pytest.approx(truth.dataset.intensity[k].sum(), rel=1e-6)


def test_missing_pixels_are_nan_and_limits_are_finite(viewer, make_truth):
    (layer,) = add_layers(viewer, dataset_layers(make_truth(missing=3).dataset))
    assert np.isnan(layer.data).sum() == 3
    assert np.isfinite(layer.contrast_limits).all()


def test_dataset_of_nothing_but_nan(viewer):
    dataset = OperandoDataset(np.full((6, 3), np.nan), np.arange(3.0), scan_shape=(("y", 2), ("x", 3)))
    (layer,) = add_layers(viewer, dataset_layers(dataset))
    assert layer.contrast_limits == [0, 1]


def test_rotated_map_lies_where_the_stage_was(viewer):
    y, x = (a.ravel() for a in np.mgrid[:6, :7])
    stage_x, stage_y = 3 + x - y, 5 + x + y
    dataset = OperandoDataset(
        np.arange(42.0)[:, None] + np.ones(3),
        np.arange(3.0),
        columns={"x_um": stage_x, "y_um": stage_y},
        scan_shape=(("y", 6), ("x", 7)),
    )
    (layer,) = add_layers(viewer, dataset_layers(dataset))
    for k in (0, 8, 41):
        place = tuple(np.round(layer.world_to_data((stage_y[k], stage_x[k]))).astype(int))
        assert layer.data[place] == 3 * (k + 1)


def test_scattered_points(viewer):
    x, y = np.array([0, 5, 1, 9, 3, 2.0]), np.array([0, 1, 7, 3, 3, 9.0])
    dataset = OperandoDataset(np.arange(18.0).reshape(6, 3), np.arange(3.0), columns={"x_um": x, "y_um": y})
    (layer,) = add_layers(viewer, dataset_layers(dataset))
    assert type(layer).__name__ == "Points"
    np.testing.assert_array_equal(layer.features["value"], dataset.intensity.sum(axis=1))
    state = ExperimentState(dataset)
    state.set_band(0, 2)
    add_layers(viewer, [band_layer(state)])
    state.set_band(0, 2.5)
    assert len(add_layers(viewer, [band_layer(state)])) == 1
    assert len(viewer.layers) == 2


def test_band_layer_is_refreshed_not_repeated(viewer, experiment, truth):
    add_layers(viewer, experiment_layers(experiment))
    experiment.set_band(1046, 1126)
    (first,) = add_layers(viewer, [band_layer(experiment)])
    np.testing.assert_allclose(np.sort(first.data.ravel()), np.sort(truth.area), rtol=1e-4)
    experiment.set_band(1066, 1106)
    (second,) = add_layers(viewer, [band_layer(experiment)])
    assert second is first
    assert len(viewer.layers) == 2
    assert first.name == "band 1066–1106 cm⁻¹ (counts·cm⁻¹)"


def test_two_experiments_have_layers_of_their_own(viewer, make_truth):
    for state in (ExperimentState(make_truth().dataset), ExperimentState(make_truth().dataset)):
        state.set_band(1046, 1126)
        add_layers(viewer, [*experiment_layers(state), band_layer(state)])
    assert len(viewer.layers) == 4


def test_component_layers(viewer, experiment, make_result):
    assert component_layers(experiment) == []
    experiment.accept(make_result(experiment.dataset))
    first, second = add_layers(viewer, component_layers(experiment))
    assert first.name == "1 lithium carbonate (counts)"
    assert second.name == "2 unassigned: component 2 (given) (counts)"
    assert (first.visible, second.visible) == (True, False)
    assert first.data[0, 0, 3] == 3
    assert first.data[0, 1, 0] == 9  # the second row was recorded backwards
    add_layers(viewer, component_layers(experiment))
    assert len(viewer.layers) == 2


def test_colour_maps_suit_colour_blind_eyes(viewer, experiment):
    experiment.set_band(1046, 1126)
    shown = add_layers(viewer, [*experiment_layers(experiment), band_layer(experiment)])
    assert {x.colormap.name for x in shown} <= {"viridis", "cividis", "magma"}
    assert layers_module.COMPONENT_COLORMAP == "cividis"


def test_native_file_through_writer_and_reader(viewer, experiment, tmp_path):
    experiment.set_band(1046, 1126)
    shown = add_layers(viewer, [*experiment_layers(experiment), band_layer(experiment)])
    path = str(tmp_path / "map.h5")
    assert write_dataset(path, [layer.as_layer_data_tuple() for layer in shown]) == [path]
    reader = get_reader(path)
    assert reader is not None
    ((_, attributes, kind),) = reader(path)
    assert kind == "image"
    assert attributes["metadata"]["spectrode"].identical(
        experiment.dataset.replace(metadata=attributes["metadata"]["spectrode"].metadata)
    )


def test_writer_refuses_what_is_not_one_experiment(truth, make_truth, tmp_path):
    two = [*dataset_layers(truth.dataset), *dataset_layers(make_truth().dataset)]
    with pytest.raises(SpectrodeError, match="belong to 2"):
        write_dataset(str(tmp_path / "x.h5"), two)
    with pytest.raises(SpectrodeError, match=r"\(plain\) belong to 0"):
        write_dataset(str(tmp_path / "x.h5"), [(np.ones((2, 2)), {"name": "plain", "metadata": {}}, "image")])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"\x00\x01nonsense", b"1.0\t2.0\n3.0\t4.0\n", b"\x89HDF\r\n\x1a\nbroken"])
@pytest.mark.parametrize("ending", [".wdf", ".h5", ".txt"])
def test_get_reader_never_raises(tmp_path, content, ending):
    path = tmp_path / f"file{ending}"
    path.write_bytes(content)
    if content.startswith(b"\x89HDF") and ending == ".h5":
        # a damaged file with our ending is ours, so that reading it says what is wrong
        assert get_reader(str(path)) is not None
    else:
        assert get_reader(str(path)) is None
    assert get_reader([str(path), str(tmp_path / "missing.h5")]) is None
    assert get_reader(str(tmp_path)) is None
    assert get_reader([]) is None


def test_a_foreign_hdf5_file_is_left_to_others(tmp_path):
    import h5py

    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = np.ones(3)
    assert get_reader(str(tmp_path / "other.h5")) is None


def test_manifest_is_valid_and_everything_in_it_can_be_imported():
    from npe2 import PluginManifest

    with importlib.resources.as_file(importlib.resources.files("napari_spectrode") / "napari.yaml") as path:
        manifest = PluginManifest.from_file(path)
    assert manifest.name == "spectrode"
    for command in manifest.contributions.commands:
        module, _, name = str(command.python_name).partition(":")
        if "widgets" not in module:  # those need Qt; the window tests make them
            assert callable(getattr(importlib.import_module(f"{module}"), name))
    patterns = {p for r in manifest.contributions.readers for p in r.filename_patterns}
    assert patterns == {"*.wdf", "*.WDF", "*.h5", "*.txt"}


def test_manifest_is_found_by_napari():
    from npe2 import PluginManager

    manager = PluginManager()
    manager.discover()
    assert "spectrode" in manager
    assert [c.display_name for c in manager.get_manifest("spectrode").contributions.widgets] == ["Spectrode"]


def test_the_package_itself_imports_nothing():
    text = (importlib.resources.files("napari_spectrode") / "__init__.py").read_text(encoding="utf-8")
    assert "import" not in text
