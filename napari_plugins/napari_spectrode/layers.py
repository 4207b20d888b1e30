"""Datasets as napari layers: arrays with scale, units and names. Nothing here needs a window."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spectrode.dataset import OperandoDataset

from .state.analysis import component_title
from .state.band import total_intensity
from .state.experiment import ExperimentState
from .state.geometry import MapGeometry
from .state.session import EXPERIMENT_KEY, ROLE_KEY, layer_metadata

__all__ = ["LayerTuple", "add_layers", "band_layer", "component_layers", "dataset_layers", "experiment_layers"]

LayerTuple = tuple[Any, dict[str, Any], str]

TOTAL_COLORMAP, BAND_COLORMAP, COMPONENT_COLORMAP = "viridis", "magma", "cividis"
"""Perceptually uniform and readable with colour-blind eyes; one a kind of layer, so that they are told apart."""


def dataset_layers(dataset: OperandoDataset, *, name: str | None = None) -> list[LayerTuple]:
    """Return a dataset as layers of an experiment of its own; see :func:`experiment_layers`."""
    return experiment_layers(ExperimentState(dataset, name=name))


def experiment_layers(experiment: ExperimentState) -> list[LayerTuple]:
    """Return the total intensity of every spectrum as one layer.

    A grid becomes an image (series, y, x) scaled to stage µm, places without a spectrum are NaN; irregular positions
    become points. The layer's metadata carry the dataset under ``spectrode``.
    """
    values = total_intensity(experiment.dataset)
    label = f"{experiment.name}: total (counts)"
    return [_layer(experiment.geometry, values, label, TOTAL_COLORMAP, layer_metadata(experiment, "total"))]


def band_layer(experiment: ExperimentState) -> LayerTuple:
    """Return the band image of the chosen range (a range must be chosen)."""
    values, band = experiment.band_values(), experiment.band
    assert values is not None
    assert band is not None
    unit = experiment.dataset.axis_unit.replace("cm-1", "cm⁻¹")
    label = f"band {band[0]:.0f}–{band[1]:.0f} {unit} (counts·{unit})"
    return _layer(experiment.geometry, values, label, BAND_COLORMAP, layer_metadata(experiment, "band"))


def component_layers(experiment: ExperimentState) -> list[LayerTuple]:
    """Return the concentration of every component of the last analysis; only the first is switched on."""
    result = experiment.result
    if result is None or result.decomposition is None:
        return []
    layers = []
    for k in range(len(result.decomposition.names)):
        layer = _layer(
            experiment.geometry,
            np.asarray(result.decomposition.concentrations)[:, k],
            f"{k + 1} {component_title(result, k)} (counts)",
            COMPONENT_COLORMAP,
            layer_metadata(experiment, f"component {k}"),
        )
        layer[1]["visible"] = k == 0
        layers.append(layer)
    return layers


def _layer(
    geometry: MapGeometry, values: NDArray[Any], name: str, colormap: str, metadata: dict[str, Any]
) -> LayerTuple:
    attributes: dict[str, Any] = {
        "name": name,
        "axis_labels": geometry.axis_labels,
        "units": geometry.units,
        "metadata": metadata,
    }
    values = np.asarray(values, dtype=np.float32)
    if geometry.kind == "points":
        return _points(geometry, values, attributes, colormap)
    image = np.full(geometry.sizes, np.nan, dtype=np.float32)
    there = geometry.places >= 0
    image[there] = values[geometry.places[there]]
    attributes |= {"colormap": colormap, "contrast_limits": _limits(values)}
    if geometry.is_rotated:
        affine = np.eye(geometry.ndim + 1)
        affine[:-1, :-1], affine[:-1, -1] = geometry.matrix, geometry.translate
        attributes["affine"] = affine
    else:
        attributes |= {"scale": tuple(geometry.scale), "translate": tuple(geometry.translate)}
    return image, attributes, "image"


def _points(geometry: MapGeometry, values: NDArray[Any], attributes: dict[str, Any], colormap: str) -> LayerTuple:
    attributes |= {
        "features": {"value": values},
        "face_color": "value",
        "face_colormap": colormap,
        "face_contrast_limits": _limits(values),
        "size": geometry.point_size,
        "border_width": 0.0,
    }
    return geometry.coordinates, attributes, "points"


def _limits(values: NDArray[Any]) -> tuple[float, float]:
    """Contrast limits that one cosmic ray or an empty pixel does not spoil."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(finite, [0.5, 99.5]))
    return (low, high) if high > low else (low, low + max(1.0, abs(low) * 1e-3))


def add_layers(viewer: Any, layers: Iterable[LayerTuple]) -> list[Any]:
    """Add layers to a viewer, or refresh the one that shows the same thing of the same experiment.

    The only function that changes a viewer's layers; called in the foreground.
    """
    from napari.layers import Layer

    shown = []
    for data, attributes, kind in layers:
        old = _shown(viewer, attributes["metadata"])
        if old is None:
            shown.append(viewer.add_layer(Layer.create(data, dict(attributes), kind)))
        else:
            _refresh(old, data, attributes, kind)
            shown.append(old)
    return shown


def _shown(viewer: Any, metadata: dict[str, Any]) -> Any:
    experiment, role = metadata[EXPERIMENT_KEY], metadata[ROLE_KEY]
    for layer in viewer.layers:
        if layer.metadata.get(EXPERIMENT_KEY) is experiment and layer.metadata.get(ROLE_KEY) == role:
            return layer
    return None


def _refresh(layer: Any, data: Any, attributes: dict[str, Any], kind: str) -> None:
    if kind == "points":
        layer.features = attributes["features"]
        layer.face_contrast_limits = attributes["face_contrast_limits"]
        layer.refresh_colors()
    else:
        layer.data = data
        layer.contrast_limits_range = layer.contrast_limits = attributes["contrast_limits"]
    layer.name = attributes["name"]
    layer.metadata = attributes["metadata"]
