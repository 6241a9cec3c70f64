"""Small arguments for almost every API of the tables, by canonical parameter name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from losslint.ops.table import Api

Values = dict[str, Any]
RANDOM = np.random.RandomState(7)


def uniform(*shape: int) -> Any:
    """Floats away from 0 and 1."""
    return tf.constant(RANDOM.uniform(0.1, 0.9, shape).astype("float32"))


def _definite() -> Any:
    half = np.tril(RANDOM.uniform(0.1, 0.9, (3, 3))) + 2 * np.eye(3)
    return tf.constant((half @ half.T).astype("float32"))


def _probabilities() -> Any:
    p = uniform(3, 4)
    return p / tf.reduce_sum(p, 1, keepdims=True)


@dataclass
class Scene:
    """Arguments that fit together. ``common`` are passed where a parameter is required,
    ``chosen`` wherever it exists."""

    name: str
    common: Values
    chosen: Values = field(default_factory=dict)

    @property
    def values(self) -> Values:
        return self.common | self.chosen


@dataclass
class Main:
    """The two main inputs, for the arguments that depend on them."""

    api: Api
    x: Any
    y: Any

    @property
    def rank(self) -> int:
        return len(self.x.shape)

    @property
    def shape(self) -> list[int]:
        return list(self.x.shape)

    @property
    def first(self) -> int:
        return self.shape[0] if self.rank else 1

    @property
    def last(self) -> int:
        return self.shape[-1] if self.rank else 1


INPUTS: dict[str, Callable[[], Any]] = {
    "matrix": lambda: uniform(3, 4),
    "vector": lambda: uniform(6),
    "definite matrix": _definite,
    "image": lambda: uniform(1, 16, 16, 3),
    "scalar": lambda: uniform(),
    "above one": lambda: uniform(3, 4) + 1.5,
    "wide": lambda: 10.0 * uniform(3, 4) - 5.0,
    "batch": lambda: uniform(2, 4, 4),
    "four images": lambda: uniform(4, 4, 4, 2),
    "volume": lambda: uniform(1, 4, 4, 4, 2),
    "signal": lambda: uniform(1, 64),
    "complex image": lambda: tf.complex(uniform(1, 4, 4, 4), uniform(1, 4, 4, 4)),
    "double": lambda: tf.cast(uniform(3, 4), tf.float64),
    "integers": lambda: tf.constant([0, 1, 1]),
    "flags": lambda: tf.constant([True, False, True]),
    "text": lambda: tf.constant(["1", "2"]),
}

LABELS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "probabilities": lambda: (_probabilities(), _probabilities()),
    "one-hot labels": lambda: (tf.constant(np.eye(4, dtype="float32")[[0, 2, 1]]), _probabilities()),
    "class labels": lambda: (tf.constant([0, 2, 0]), _probabilities()),
    "float class labels": lambda: (tf.constant([0.0, 2.0, 1.0]), _probabilities()),
    "vectors": lambda: (uniform(6), uniform(6)),
    "sequence labels": lambda: (tf.constant([[1, 2]]), uniform(1, 6, 4)),
    "masks": lambda: (uniform(2, 4, 4, 1), uniform(2, 4, 4, 1)),
}


def scenes(api: Api) -> Iterator[Scene]:
    """Argument sets to try, common ones first."""
    RANDOM.seed(7)
    keras.utils.set_random_seed(7)
    chosen = BY_NAME.get(api.name) or BY_OPERATION.get(api.operation.name) or (lambda main: {})
    if any(canonical == "y_pred" for canonical, _ in api.parameters):
        for name, make in LABELS.items():
            y_true, y_pred = make()
            yield Scene(name, _label_arguments(y_true, y_pred), chosen(Main(api, y_pred, y_true)))
        return
    for name, value in INPUTS.items():
        main = Main(api, value(), value())
        own, common = chosen(main), _arguments(main)
        yield Scene(
            name, {k: v for k, v in common.items() if k not in own}, {k: v for k, v in own.items() if v is not None}
        )


def _label_arguments(y_true: Any, y_pred: Any) -> Values:
    return {
        "y_true": y_true, "y_pred": y_pred, "x": y_pred, "pos_weight": tf.constant(2.0), "k": 2, "q": 0.5, "axis": -1,
        "sample_weight": tf.constant(RANDOM.uniform(0.1, 0.9, y_pred.shape[:1]).astype("float32")), "num_classes": 4,
        "label_length": tf.constant([2]), "logit_length": tf.constant([6]), "input_length": tf.constant([[6]]),
        "target_length": tf.constant([2]), "output_length": tf.constant([6]), "ref_labels": tf.constant([0, 2, 1]),
        "ref_embeddings": y_pred, "thresholds": [0.5], "weights": tf.constant(0.5), "reduction": "none",
    }  # fmt: skip


def _arguments(main: Main) -> Values:
    """What goes with an input x when a parameter is required."""
    x, y, rank, shape, first = main.x, main.y, main.rank, main.shape, main.first
    per_channel = uniform(main.last)
    rows = tf.constant([i // 2 for i in range(first)])
    return {
        # inputs
        "x": x, "y": y, "a": x, "b": y, "values": [x, y], "elems": x, "query": x, "key": y, "value": y, "w": x, "v": y,
        "sources": x, "data": x, "default": y, "updates": y[:1] if rank else y, "low": tf.constant(0.2),
        "high": tf.constant(0.7), "min": 0.2, "max": 0.7, "mean": tf.constant(0.5), "stddev": tf.constant(0.5),
        "minval": tf.constant(0.1), "maxval": tf.constant(0.9), "weights": uniform(*shape), "q": tf.constant(0.5),
        "sample_weight": tf.ones(shape), "frequency_weights": tf.ones(shape), "alpha": tf.constant(2.0),
        "beta": per_channel, "gamma": per_channel, "offset": per_channel, "scale": per_channel, "bias": per_channel,
        "var": per_channel, "clip_norm": tf.constant(0.5), "delta": tf.constant(0.5), "start": tf.constant(0.5),
        "stop": tf.constant(2.5), "limit": tf.constant(2.5), "factor": tf.constant(0.5), "on_value": tf.constant(2.0),
        "off_value": tf.constant(0.5), "constant_values": tf.constant(0.3), "scores": uniform(2), "threshold": 0.3,
        "contrast_factor": tf.constant(0.5), "saturation_factor": tf.constant(0.5), "default_value": 0.1,
        "coeffs": [tf.constant(0.3), tf.constant(0.4)], "boxes": tf.constant([[0.1, 0.1, 0.8, 0.8]]),
        # choices
        "condition": x > 0.5 if x.dtype.is_floating else tf.ones(shape, tf.bool), "indices": tf.constant([0]),
        "mask": tf.constant([i % 2 == 0 for i in range(first)]), "ids": tf.constant([0]), "segment_ids": rows,
        "num_segments": first, "partitions": rows, "num_partitions": 2, "box_indices": tf.constant([0]), "key_": 0,
        "pred": tf.constant(True), "branch_index": tf.constant(0), "lengths": tf.constant([1] * first),
        # functions
        "fn": lambda *v: v[0] * 2.0 if len(v) == 1 else v[0] * v[1], "f": lambda *v: v[0] * 2.0,
        "func": lambda *v: v[0] * 2.0, "inp": [x],
        "true_fn": lambda: x * 2.0, "false_fn": lambda: x * 3.0, "branch_fns": [lambda: x * 2.0], "Tout": tf.float32,
        "pred_fn_pairs": [(tf.constant(True), lambda: x * 2.0)], "loop_vars": [x], "body": lambda v: [v * 2.0],
        "cond": lambda v: tf.reduce_sum(v) < 50.0,
        # numbers and shapes
        "axis": -1 if rank else None, "axes": list(range(rank))[::-1], "shape": shape, "size": shape, "end": shape,
        "begin": [0] * rank, "multiples": [2] * rank, "paddings": [[1, 1]] * rank, "pad_width": 1, "mode": "constant",
        "dtype": tf.float32, "k": 1, "kth": 1, "n": 3, "m": 3, "num": 4, "depth": 3, "sections": 2, "repeats": 2,
        "shift": 1, "ord": 2, "axis1": 0, "axis2": -1, "source": 0, "destination": -1, "boundaries": [0.2, 0.5],
        "bins": 4, "range": [0.0, 1.0], "maxlen": 4, "num_classes": 4, "rate": 0.5, "seed": 1, "base": 2.0, "dim": 3,
        "num_lower": 1, "num_upper": 1, "block_size": 2, "block_shape": [2, 2], "crops": [[0, 0], [0, 0]],
        "message": "",
        "frame_length": 8, "frame_step": 4, "fft_length": 8, "sequence_length": 8, "sequence_stride": 4, "ndim": 2,
        "padding": "VALID", "strides": 1, "pool_size": 2, "kernel_size": 2, "output_size": 2, "target_shape": [-1],
        "max_val": 1.0, "num_bands": 2, "max_output_size": 2, "central_fraction": 0.5, "quality": 90,
        "jpeg_quality": 90,
        "min_jpeg_quality": 20, "max_jpeg_quality": 90, "lower": 0.2, "upper": 0.8, "max_delta": 0.2, "crop_size": [4,
        4],
        "target_height": 4, "target_width": 4, "offset_height": 1, "offset_width": 1, "ksizes": [1, 2, 2, 1],
        "sizes": [1, 2, 2, 1], "rates": [1, 1, 1, 1], "variance_epsilon": 1e-3, "min_range": 0.0, "max_range": 1.0,
        "T": tf.quint8, "input_min": 0.0, "input_max": 1.0, "method": "bilinear", "height_factor": 2, "width_factor": 2,
        "depth_factor": 2, "data_format": "channels_last", "shape_x": [2, 3], "shape_y": [2, 1], "height": 8,
        "width": 8,
        "uniform_sampler": tf.random.uniform, "out_type": tf.float32, "source_format": "xyxy", "window_shape": [2, 2],
        "pooling_type": "AVG", "pooling_ratio": [1.0, 1.5, 1.5, 1.0], "bounding_box_format": "xyxy",
        "output_shape": [4, 4, 3], "translation": uniform(2), "spatial_dims": [0, 1], "order": 1, "kappa": 1.0,
    }  # fmt: skip


def _kernel(main: Main) -> Values:
    """A convolution: the filter has the rank of the image."""
    keras, name, spatial = main.api.framework == "keras", main.api.name, max(main.rank - 2, 1)
    outside = main.last if "transpose" in name else 2
    kernel = uniform(*[2] * spatial, main.last, 1 if "depthwise" in name else outside)
    separable = {"depthwise_kernel": uniform(2, 2, 3, 1), "pointwise_kernel": uniform(1, 1, 3, 2),
                 "depthwise_filter": uniform(2, 2, 3, 1), "pointwise_filter": uniform(1, 1, 3, 2)}  # fmt: skip
    strides: Any = [1] * main.rank
    if keras:
        strides = 1 if "ops" in name or "1d" in name else (1,) * spatial
    if "transpose" in name or name.endswith("nn.conv1d") or name == "tf.nn.convolution":
        strides = 1
    return separable | {
        "kernel": kernel, "filters": kernel, "filter": kernel, "strides": strides, "stride": 1, "rate": 1,
        "padding": "valid" if keras else "VALID", "input": main.x,
        "output_shape": None if "ops" in name else [1, *[size + 1 for size in main.shape[1:-1]], outside],
    }  # fmt: skip


def _products(main: Main) -> Values:
    """Two matrices that fit each other."""
    name, y = main.api.operation.name, main.y
    if name == "matvec":
        y = uniform(main.last)
    elif main.rank == 2 and name in ("matmul", "dot", "tensordot"):
        y = tf.transpose(y)
    return {"y": y, "axes": 1 if name == "tensordot" else None}


def _pair(main: Main) -> Any:
    return [main.x, main.y]


def _sparse(values: Any) -> Any:
    return tf.sparse.from_dense(values)


BOXES = {
    "x": [[0.1, 0.1, 0.8, 0.8], [0.2, 0.2, 0.7, 0.9]],
    "boxes1": [[0.1, 0.1, 0.8, 0.8]],
    "boxes2": [[0.2, 0.2, 0.9, 0.9]],
}
MERGING = (
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
    "attention",
    "additiveattention",
)
SAMPLER = {"y_true": [[0], [2], [1]], "num_sampled": 2, "num_classes": 5}


def _boxes(main: Main) -> Values:
    return {key: tf.constant(value) for key, value in BOXES.items()}


def _sampler(main: Main) -> Values:
    return SAMPLER | {"y_true": tf.constant(SAMPLER["y_true"]), "weights": uniform(5, main.last), "biases": uniform(5)}


def _whole(main: Main) -> Values:
    return {"x": tf.constant([0, 1]), "y": tf.constant([1, 1])}


BY_OPERATION: dict[str, Callable[[Main], Values]] = {
    "add_n": lambda m: {"x": _pair(m)},
    "adaptive_average_pool": lambda m: {"output_size": 2},
    "all": lambda m: {"axis": None},
    "avg_pool": lambda m: {"pool_size": 2, "padding": "VALID" if m.api.framework == "tensorflow" else "valid",
                           "ksize": 2, "strides": 2, "input": m.x},
    "batch_normalization": lambda m: {"mean": uniform(m.last), "var": uniform(m.last), "gamma": uniform(m.last),
                                      "beta": uniform(m.last), "axis": -1 if m.api.framework == "keras" else None},
    "batch_to_space": lambda m: {"block_shape": [2, 2], "crops": [[0, 0], [0, 0]]},
    "bincount": lambda m: {"x": tf.constant([0, 1, 1]), "weights": uniform(3)},
    "bitwise": _whole,
    "broadcast_to": lambda m: {"shape": [2, *m.shape]},
    "categorical": lambda m: {"n": 2},
    "cast": lambda m: {"dtype": "float32"},
    "clip_by_global_norm": lambda m: {"x": _pair(m)},
    "conjugate_gradient": lambda m: {"x": tf.linalg.LinearOperatorFullMatrix(_definite()),
                                     "operator": tf.linalg.LinearOperatorFullMatrix(_definite()), "rhs": uniform(3),
                                     "y": uniform(3)},
    "confusion_matrix": lambda m: {"y_true": tf.constant([0, 1]), "y_pred": tf.constant([0, 1]), "weights": uniform(2)},
    "conv": _kernel,
    "conv_transpose": _kernel,
    "convert_image_dtype": lambda m: {"dtype": tf.float32},
    "cosine_similarity": lambda m: {"axis": -1},
    "ctc_decode": lambda m: {"x": uniform(6, 1, 4) if m.api.framework == "tensorflow" else uniform(1, 6, 4),
                             "sequence_length": tf.constant([6])},
    "dequantize": lambda m: {"x": tf.quantization.quantize(uniform(3), 0.0, 1.0, tf.quint8)[0]},
    "dilation2d": lambda m: {"filters": uniform(2, 2, 3), "kernel": uniform(2, 2, 3), "strides": [1] * 4,
                             "dilations": [1] * 4,
                             "data_format": "NHWC", "padding": "VALID"},
    "dot": _products,
    "draw_bounding_boxes": lambda m: {"boxes": tf.constant([[[0.1, 0.1, 0.8, 0.8]]]), "colors": tf.constant([[1.0,
                                      0.0, 0.0]])},
    "iou": lambda m: {"y_true": tf.constant([[0.1, 0.1, 0.8, 0.8]]), "y_pred": tf.constant([[0.2, 0.2, 0.9, 0.9]]),
                      "bounding_box_format": "xyxy"},
    "edit_distance": lambda m: {"x": _sparse([[1, 2]]), "y": _sparse([[1, 3]])},
    "eigh_tridiagonal": lambda m: {"alpha": uniform(4), "beta": uniform(3), "x": uniform(4)},
    "einsum": lambda m: {"equation": "ij,ij->i"},
    "embedding_lookup_sparse": lambda m: {"x": uniform(4, 3), "sp_ids": _sparse(np.array([[1, 2]], "int64")),
                                          "sp_weights": _sparse(uniform(1, 2)), "combiner": "sum"},
    "erosion2d": lambda m: {"filters": uniform(2, 2, 3), "kernel": uniform(2, 2, 3), "value": m.x, "strides": [1] * 4,
                            "dilations": [1] * 4, "rates": [1] * 4, "data_format": "NHWC", "padding": "VALID"},
    "extract_glimpse": lambda m: {"size": [4, 4], "offsets": tf.constant([[0.0, 0.0]])},
    "extract_patches": lambda m: {"size": 2 if m.api.framework == "keras" else None, "kernel_size": 2, "sizes": [1, 2,
                                  2, 1],
                                  "ksizes": [1, *[2] * (m.rank - 2), 1],
                                  "strides": None if m.api.framework == "keras" else [1] * m.rank},
    "fill": lambda m: {"shape": [2, 2], "x": tf.constant(0.4)},
    "foldl": lambda m: {"fn": lambda a, b: a * b},
    "fori_loop": lambda m: {"low": 0, "high": 2, "body": lambda i, v: v * 2.0, "x": m.x},
    "full_like": lambda m: {"y": tf.constant(0.4)},
    "function": lambda m: {"func": lambda v: v},
    "gather_nd": lambda m: {"indices": tf.constant([[0]])},
    "gcd": _whole,
    "get_item": lambda m: {"key": 0},
    "global_norm": lambda m: {"x": _pair(m)},
    "gradients": lambda m: {"target": m.x},
    "image_transform": lambda m: {"transform": uniform(8), "start_points": tf.constant([[[0.0, 0.0], [0.0, 9.0], [9.0,
                                  0.0], [9.0, 9.0]]]),
                                  "end_points": tf.constant([[[0.5, 0.0], [0.0, 8.0], [9.0, 0.5], [9.0, 9.0]]])},
    "invert_permutation": _whole,
    "linspace": lambda m: {"num": 4},
    "log_loss": lambda m: {"reduction": "none"},
    "lu_matrix_inverse": lambda m: {"perm": tf.constant([0, 1, 2])},
    "lu_reconstruct": lambda m: {"y": tf.constant([0, 1, 2])},
    "lu_solve": lambda m: {"y": tf.constant([0, 1, 2]), "rhs": uniform(3, 2)},
    "map_coordinates": lambda m: {"coordinates": tf.stack([uniform(5)] * m.rank) * 2.0, "order": 1},
    "map_fn": lambda m: {"elems": m.x},
    "matmul": _products,
    "matvec": _products,
    "max_pool": lambda m: {"pool_size": 2, "padding": "VALID" if m.api.framework == "tensorflow" else "valid",
                           "ksize": 2, "strides": 2, "input": m.x},
    "moments": lambda m: {"axis": [0]},
    "multi_hot": lambda m: {"x": tf.constant([0, 1]), "depth": 3},
    "nce_loss": _sampler,
    "nest": lambda m: {"structure": [0], "x": [m.x]},
    "non_max_suppression": _boxes,
    "non_max_suppression_scores": _boxes,
    "numpy_function": lambda m: {"func": lambda v: v, "inp": [m.x], "Tout": tf.float32},
    "one_hot": lambda m: {"indices": tf.constant([0, 1, 2]), "on_value": tf.constant(2.0),
                          "off_value": tf.constant(0.5)},
    "percentile": lambda m: {"q": tf.constant(40.0)},
    "nanpercentile": lambda m: {"q": tf.constant(40.0)},
    "pool": lambda m: {"pool_size": (2,) * max(m.rank - 2, 1),
                       "padding": "VALID" if m.api.framework == "tensorflow" else "valid"},
    "py_function": lambda m: {"func": lambda v: v * 2.0, "inp": [m.x], "Tout": tf.float32},
    "quantize": lambda m: {"dtype": tf.quint8},
    "random": lambda m: {"shape": [3], "mean": tf.constant(0.5), "stddev": tf.constant(0.5), "minval": tf.constant(0.1),
                         "maxval": tf.constant(0.9), "seed": [1, 2] if "stateless" in m.api.name else None},
    "random_discrete": lambda m: {"shape": [3], "minval": 0, "maxval": 9, "counts": tf.constant(5.0),
                                  "probs": tf.constant(0.5),
                                  "probabilities": tf.constant(0.5), "p": 0.5, "seed": [1,
                                  2] if "stateless" in m.api.name else None},
    "random_gamma": lambda m: {"shape": [3], "alpha": tf.constant(2.0), "beta": tf.constant(2.0),
                               "seed": [1, 2] if "stateless" in m.api.name else None},
    "random_image": lambda m: {"seed": (1, 2)} if "stateless" in m.api.name else {},
    "random_image_smooth": lambda m: {"size": [1, *m.shape[1:]]} | ({"seed": (1,
                                      2)} if "stateless" in m.api.name else {}),
    "random_poisson": lambda m: {"shape": [3], "rate": tf.constant(2.0), "seed": [1,
                                 2] if "stateless" in m.api.name else None},
    "rearrange": lambda m: {"pattern": "a b -> b a"},
    "reshape": lambda m: {"shape": [-1]},
    "resize": lambda m: {"size": [4, 4]},
    "resize_area": lambda m: {"size": [4, 4]},
    "reverse": lambda m: {"axis": [0] if "experimental" not in m.api.name else None},
    "reverse_sequence": lambda m: {"seq_axis": 1, "lengths": tf.constant([1] * m.first)},
    "round": lambda m: {},
    "sampled_softmax_loss": _sampler,
    "scan": lambda m: {"fn": (lambda a, b: (a * b, a)) if m.api.framework == "keras" else lambda a, b: a * b,
                       "initializer": tf.ones_like(m.x[0]) if m.rank and m.api.framework == "keras" else None},
    "associative_scan": lambda m: {"fn": lambda a, b: a * b},
    "scatter_nd": lambda m: {"indices": tf.constant([[0]]), "updates": uniform(1), "shape": [4]},
    "scatter_update": lambda m: {"indices": tf.constant([[0]]), "updates": m.y[:1] if m.rank else m.y},
    "searchsorted": lambda m: {"x": tf.sort(m.x) if m.rank else m.x, "y": m.y},
    "select": lambda m: {"condition": [m.x > 0.5], "x": [m.x], "default": m.y} if m.x.dtype.is_floating else {},
    "sequence_mask": lambda m: {"x": tf.constant([1, 2])},
    "set_diag": lambda m: {"y": uniform(m.first)},
    "setdiff1d": lambda m: {"y": m.y},
    "shape_n": lambda m: {"x": _pair(m)},
    "slice_update": lambda m: {"start": [0] * m.rank, "updates": m.y},
    "space_to_batch": lambda m: {"block_shape": [2, 2], "paddings": [[0, 0], [0, 0]]},
    "sparse": lambda m: {"x": _sparse(m.x), "b": tf.transpose(m.y),
                         "sp_b": _sparse(m.y)} if m.rank == 2 else {"x": None},
    "sparse_reduce_max": lambda m: {"x": _sparse(m.x)} if m.rank == 2 else {"x": None},
    "split": lambda m: {"sections": 2, "axis": -1 if m.rank else None},
    "strided_slice": lambda m: {"strides": [1] * m.rank},
    "sufficient_statistics": lambda m: {"axis": [0]},
    "switch": lambda m: {"condition": m.x > 0.5, "x": m.x, "y": m.y},
    "switch_case": lambda m: {"branch_index": tf.constant(0), "branch_fns": [lambda *v: (v or [m.x])[0] * 2.0]},
    "layer": lambda m: {"x": _pair(m)} if m.api.name.removesuffix("()").rpartition(".")[2].lower() in MERGING else {},
    "histogram": lambda m: {"range": (0.0, 1.0)},
    "take_along_axis": lambda m: {"indices": tf.zeros(m.shape,
                                  tf.int32) if m.api.framework != "numpy" else np.zeros(m.shape, int)},
    "tensordot": _products,
    "tridiagonal_solve": lambda m: {"x": uniform(3, 4), "y": uniform(4), "rhs": uniform(4)},
    "tridiagonal_matmul": lambda m: {"x": uniform(3, 4), "y": uniform(4, 2), "rhs": uniform(4, 2)},
    "unravel_index": lambda m: {"x": tf.constant([0, 1]), "shape": [2, 3]},
    "cholesky_solve": lambda m: {"y": uniform(m.first, 2)},
    "lstsq": lambda m: {"y": uniform(m.first, 2)},
    "solve": lambda m: {"y": uniform(m.first, 2)},
    "triangular_solve": lambda m: {"y": uniform(m.first, 2)},
    "weighted_moments": lambda m: {"axis": [0]},
    "where": lambda m: {"x": m.x, "y": m.y},
}  # fmt: skip


def _complex_parts(main: Main) -> Values:
    return {"x": (uniform(2, 8, 8), uniform(2, 8, 8))}


BY_NAME: dict[str, Callable[[Main], Values]] = {
    "tf.image.ssim_multiscale": lambda m: {"x": uniform(1, 64, 64, 1), "y": uniform(1, 64, 64, 1), "filter_size": 3},
    "keras.ops.image.ssim": lambda m: {"x": uniform(1, 16, 16, 1), "y": uniform(1, 16, 16, 1)},
    "keras.ops.fft": _complex_parts, "keras.ops.fft2": _complex_parts, "keras.ops.ifft2": _complex_parts,
    "keras.ops.irfft": _complex_parts,
    "keras.ops.istft": lambda m: {"x": (uniform(1, 4, 5), uniform(1, 4, 5)), "sequence_length": 8,
                                  "sequence_stride": 4, "fft_length": 8},
    "keras.ops.fold": lambda m: {"x": uniform(1, 12, 4), "output_size": (4, 4), "kernel_size": (2, 2), "strides": (2,
                                 2)},
    "keras.ops.jvp": lambda m: {"fun": lambda v: v * v, "primals": (m.x,), "tangents": (m.y,)},
    "keras.ops.image.crop_images": lambda m: {"top_cropping": 1, "left_cropping": 1, "target_height": 4,
                                              "target_width": 4},
    "keras.ops.image.extract_patches_3d": lambda m: {"size": 2},
    "keras.ops.image.resize": lambda m: {"size": (4, 4)},
    "tf.losses.cosine_distance": lambda m: {"axis": -1},
    "tf.nn.ctc_loss": lambda m: {"y_true": tf.constant([[1, 2]]), "y_pred": uniform(1, 6, 4),
                                 "label_length": tf.constant([2]),
                                 "logit_length": tf.constant([6]), "logits_time_major": False, "blank_index": 0},
    "tf.nn.sigmoid_cross_entropy_with_logits": lambda m: {"y_true": m.y, "y_pred": m.x},
    "tf.nn.xw_plus_b": lambda m: {"x": uniform(3, 4), "weights": uniform(4, 2), "biases": uniform(2)},
    "keras.backend.squeeze": lambda m: {"x": uniform(3, 1), "axis": 1},
    "keras.ops.scan": lambda m: {"fn": lambda a, b: (a * b, a), "initializer": uniform(4), "elems": uniform(3, 4)},
    "tf.image.grayscale_to_rgb": lambda m: {"x": uniform(1, 4, 4, 1)},
    "tf.image.pad_to_bounding_box": lambda m: {"target_height": 20, "target_width": 20},
    "tf.nn.max_pool_with_argmax": lambda m: {"ksize": 2, "strides": 2, "padding": "VALID"},
    "tf.nn.relu_layer": lambda m: {"x": uniform(3, 4), "weights": uniform(4, 2), "biases": uniform(2)},
    "tf.nn.ctc_loss_v2": lambda m: BY_NAME["tf.nn.ctc_loss"](m),
    "keras.backend.resize_images": lambda m: {"height_factor": 2, "width_factor": 2, "data_format": "channels_last"},
    "tf.image.combined_non_max_suppression": lambda m: {"x": uniform(1, 2, 1, 4), "scores": uniform(1, 2, 1),
                                                        "max_output_size_per_class": 1,
                                                        "max_total_size": 1},
}  # fmt: skip
