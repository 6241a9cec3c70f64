"""Measures what the operation tables claim: calls each API under a tape and looks where a gradient arrives.

``python -m tests.ops.measure`` prints the differences to ``measured.tsv``; ``--write`` writes that file anew;
``--only tf.math.log keras.ops.log`` prints the rows of a few names. A few operations abort the process, so the calls
run in a child process that is started again after the name that killed it.
"""

from __future__ import annotations

import argparse
import inspect
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from losslint.ops.table import Api, apis

MEASURED = Path(__file__).with_name("measured.tsv")
FRAMEWORKS = ("tensorflow", "keras", "numpy")
SILENT_FAMILIES = {"object", "scope", "dtype", "missing", "data", "python", "symbolic", "print", "assert", "state"}
SECONDS = 90  # for one name

# best first: one scene may show a zero where another shows a gradient
ORDER = ("FLOWS", "NAN", "ZERO", "LOOKUP", "RAISES", "NONE", "NONFLOAT", "LEAVES")


@dataclass
class Row:
    """What was measured for one API."""

    name: str
    inputs: dict[str, str] = field(default_factory=dict)  # canonical input -> FLOWS | NAN | ZERO | NONE | LOOKUP | ...
    result: str = ""  # dtype of the first output
    scene: str = ""
    problem: str = ""

    def line(self) -> str:
        inputs = " ".join(f"{name}={status}" for name, status in sorted(self.inputs.items())) or "not-probed"
        return "\t".join([self.name, inputs, self.result, self.scene, self.problem]).rstrip("\t")


def read() -> dict[str, Row]:
    """The committed measurements."""
    rows: dict[str, Row] = {}
    for line in MEASURED.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            row = parse(line)
            rows[row.name] = row
    return rows


def parse(line: str) -> Row:
    name, inputs, result, scene, problem = (*line.split("\t"), "", "", "")[:5]
    pairs = [] if inputs == "not-probed" else [word.split("=") for word in inputs.split()]
    return Row(name, {key: status for key, status in pairs}, result, scene, problem)


def candidates() -> Iterator[Api]:
    """The APIs a measurement is tried for."""
    for framework in FRAMEWORKS:
        for api in apis(framework).values():
            skipped = api.name.endswith("*") or api.note in ("Keras 2", "NumPy 1") or "Tensor." in api.name
            if not skipped and "Variable." not in api.name and api.operation.family not in SILENT_FAMILIES:
                yield api


# -- the child: one name after the other


@dataclass
class Scene:
    """Arguments that fit together, by canonical name."""

    name: str
    values: dict[str, Any]


def _resolve(api: Api) -> Callable[..., Any]:
    """The function behind a table name; for ``X()`` an object made by X."""
    import keras
    import numpy
    import tensorflow as tf

    roots: dict[str, tuple[Any, ...]] = {
        "tf": (tf, tf.compat.v1), "keras": (keras, tf.keras), "np": (numpy,),
    }  # fmt: skip
    root, *path = api.name.removesuffix("()").split(".")
    for start in roots[root]:
        found = start
        for part in path:
            found = getattr(found, part, None)
        if found is not None:
            function: Callable[..., Any] = _make(api.name, found) if api.name.endswith("()") else found
            return function
    raise AttributeError(f"{api.name} does not exist")


CONSTRUCTOR: dict[str, dict[str, Any]] = {
    "Circle": {}, "Dice": {"axis": None}, "MeanIoU": {"num_classes": 4}, "IoU": {"num_classes": 2, "target_class_ids": [0]},
    "PrecisionAtRecall": {"recall": 0.5}, "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5}, "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "OneHotIoU": {"num_classes": 4, "target_class_ids": [0]}, "OneHotMeanIoU": {"num_classes": 4},
    "BinaryIoU": {}, "Dense": {"units": 2}, "EinsumDense": {"equation": "ab,bc->ac", "output_shape": 2},
    "Activation": {"activation": "tanh"}, "Reshape": {"target_shape": [-1]}, "Permute": {"dims": [1]},
    "RepeatVector": {"n": 2}, "Rescaling": {"scale": 2.0}, "Lambda": {"function": lambda x: 2.0 * x},
    "Embedding": {"input_dim": 4, "output_dim": 2}, "GaussianNoise": {"stddev": 0.1}, "GaussianDropout": {"rate": 0.1},
    "Dropout": {"rate": 0.1}, "AlphaDropout": {"rate": 0.1},
}  # fmt: skip


def _make(name: str, cls: Any) -> Any:
    short = name.removesuffix("()").rpartition(".")[2]
    options = dict(CONSTRUCTOR.get(short, {}))
    if ".layers." in name and short not in CONSTRUCTOR:
        options = _guess_options(short)
    return cls(**options)


def _guess_options(short: str) -> dict[str, Any]:
    if "Conv" in short and "Depthwise" in short:
        return {"kernel_size": 3}
    if "Conv" in short:
        return {"filters": 2, "kernel_size": 3}
    if short in ("GRU", "LSTM", "SimpleRNN"):
        return {"units": 2}
    if short == "MultiHeadAttention":
        return {"num_heads": 1, "key_dim": 2}
    if "Adaptive" in short:
        return {"output_size": 2}
    return {}


def _scenes(api: Api) -> Iterator[Scene]:
    """Argument sets to try, common ones first."""
    import numpy as np
    import tensorflow as tf

    random = np.random.RandomState(7)

    def uniform(*shape: int, low: float = 0.1, high: float = 0.9) -> Any:
        return tf.constant(random.uniform(low, high, shape).astype("float32"))

    operation = api.operation.name
    p, q = uniform(3, 4), uniform(3, 4)
    p, q = p / tf.reduce_sum(p, 1, keepdims=True), q / tf.reduce_sum(q, 1, keepdims=True)
    half = np.tril(random.uniform(0.1, 0.9, (3, 3))) + 2 * np.eye(3)
    spd = tf.constant((half @ half.T).astype("float32"))
    hot = tf.constant(np.eye(4, dtype="float32")[[0, 2, 1]])
    classes = tf.constant([0, 2, 1])
    losses = {
        "probabilities": {"y_true": p, "y_pred": q},
        "one-hot labels": {"y_true": hot, "y_pred": q},
        "class labels": {"y_true": classes, "y_pred": q},
        "vectors": {"y_true": uniform(6), "y_pred": uniform(6)},
        "float class labels": {"y_true": tf.cast(classes, tf.float32), "y_pred": q},
        "signal labels": {"y_true": tf.constant([[1, 2]]), "y_pred": uniform(1, 6, 4)},
        "label images": {"y_true": uniform(2, 4, 4, 1), "y_pred": uniform(2, 4, 4, 1)},
    }  # fmt: skip
    if any(canonical == "y_pred" for canonical, _ in api.parameters):
        for name, pair in losses.items():
            extra = {"pos_weight": tf.constant(2.0), "sample_weight": uniform(*pair["y_pred"].shape[:1]), "k": 2,
                     "label_length": tf.constant([2]), "logit_length": tf.constant([6]), "q": 0.5,
                     "input_length": tf.constant([[6]]), "ref_labels": classes, "ref_embeddings": q,
                     "weights": tf.constant(0.5), "target_length": tf.constant([2]), "output_length": tf.constant([6]),
                     "num_classes": 4, "thresholds": [0.5], "axis": -1, "class_id": 0}  # fmt: skip
            if operation in ("sampled_softmax_loss", "nce_loss"):
                extra |= {"weights": uniform(5, 4), "biases": uniform(5), "y_true": tf.constant([[0], [2], [1]]),
                          "num_sampled": 2, "num_classes": 5}  # fmt: skip
            yield Scene(name, pair | extra | ({"y_true": extra["y_true"]} if "y_true" in extra else {}))
        return
    shapes = {
        "matrix": (uniform(3, 4), uniform(3, 4)),
        "vector": (uniform(6), uniform(6)),
        "square": (spd, spd + 0.1),
        "image": (uniform(1, 8, 8, 3), uniform(1, 8, 8, 3)),
        "scalar": (uniform(), uniform()),
        "above one": (uniform(3, 4) + 1.5, uniform(3, 4) + 1.5),
        "wide": (10.0 * uniform(3, 4) - 5.0, 10.0 * uniform(3, 4) - 5.0),
        "batch": (uniform(2, 3, 4), uniform(2, 3, 4)),
        "volume": (uniform(1, 4, 4, 4, 2), uniform(1, 4, 4, 4, 2)),
        "signal": (uniform(1, 64), uniform(1, 64)),
        "complex": (tf.complex(uniform(3, 4), uniform(3, 4)), tf.complex(uniform(3, 4), uniform(3, 4))),
        "complex image": (tf.complex(uniform(1, 4, 4, 4), uniform(1, 4, 4, 4)), tf.complex(uniform(1, 4, 4, 4), uniform(1, 4, 4, 4))),
        "half": (tf.cast(uniform(3, 4), tf.float64), tf.cast(uniform(3, 4), tf.float64)),
        "flag": (tf.constant([True, False, True]), tf.constant([True, True, False])),
    }  # fmt: skip
    if operation in ("rfft3d", "fft", "fftnd"):
        shapes = {k: shapes[k] for k in ("complex image", "image", "volume", "complex")}
    for name, (x, y) in shapes.items():
        yield Scene(name, _arguments(api, x, y, uniform))


def _arguments(api: Api, x: Any, y: Any, uniform: Callable[..., Any]) -> dict[str, Any]:
    """Values for the parameters that go with an input x."""
    import numpy as np
    import tensorflow as tf

    operation, name = api.operation.name, api.name
    rank, shape = len(x.shape), list(x.shape)
    first = shape[0] if rank else 1
    values: dict[str, Any] = {
        "x": x, "y": y, "a": x, "b": y, "z": y, "axis": -1 if rank else None, "axes": list(range(rank))[::-1],
        "indices": tf.constant([0]), "mask": tf.constant([i % 2 == 0 for i in range(first)]), "k": 1, "depth": 3,
        "condition": tf.cast(x, tf.float32) > 0.5 if x.dtype.is_floating else tf.ones(shape, tf.bool),
        "shape": shape, "dtype": tf.float32, "values": [x, y], "sections": 2, "multiples": [2] * rank, "repeats": 2,
        "paddings": [[1, 1]] * rank, "begin": [0] * rank, "size": shape, "end": shape, "shift": 1, "low": tf.constant(0.2),
        "high": tf.constant(0.7), "segment_ids": tf.constant([i // 2 for i in range(first)]), "num_segments": max(first, 1),
        "partitions": tf.constant([i % 2 for i in range(first)]), "num_partitions": 2, "fn": lambda v, *r: v * 2.0,
        "elems": x, "f": lambda *v: v[0], "func": lambda *v: v[0] * 2.0, "inp": [x], "Tout": tf.float32, "pred": tf.constant(True),
        "true_fn": lambda: x * 2.0, "false_fn": lambda: x * 3.0, "ids": tf.constant([0]), "rate": 0.5, "clip_norm": tf.constant(0.5),
        "equation": "...i,...i->..." if "einsum" in name else "ij,jk", "q": tf.constant(0.5), "weights": uniform(*shape),
        "mean": tf.constant(0.5), "stddev": tf.constant(0.5), "minval": tf.constant(0.1), "maxval": tf.constant(0.9),
        "alpha": tf.constant(2.0), "beta": tf.constant(2.0), "seed": [1, 2] if "stateless" in name else 1, "n": 3, "m": 3,
        "start": tf.constant(0.5), "stop": tf.constant(2.5), "limit": tf.constant(2.5), "delta": tf.constant(0.5), "num": 4,
        "updates": y[:1] if rank else y, "block_size": 2, "max_val": 1.0, "message": "", "num": None, "ord": 2,
        "default": y, "lengths": tf.constant([1] * first), "axis1": 0, "axis2": -1, "source": 0, "destination": -1,
        "boundaries": [0.2, 0.5], "initializer": tf.zeros_like(x[0]) if rank else x, "maxlen": 4, "range": [0.0, 1.0],
        "kernel_size": 2, "strides": 1, "pool_size": 2, "padding": "VALID", "ksize": 2, "input": x, "window": 2,
        "constant_values": tf.constant(0.3), "coeffs": [tf.constant(0.3), tf.constant(0.4)], "block_shape": [2, 2], "crops": [[0, 0], [0, 0]],
        "frame_length": 8, "frame_step": 4, "fft_length": 8, "sequence_length": 8, "sequence_stride": 4, "kth": 1,
        "data_format": None, "bias": uniform(shape[-1]) if rank else y, "beta_": None, "gamma": uniform(shape[-1]) if rank else y,
        "var": uniform(shape[-1]) if rank else y, "offset": uniform(shape[-1]) if rank else y, "variance_epsilon": 1e-3,
        "scale": uniform(shape[-1]) if rank else y, "frequency_weights": tf.ones(shape), "query": x, "key": y, "value": y,
        "ksizes": [1, 2, 2, 1], "sizes": [1, 2, 2, 1], "rates": [1, 1, 1, 1], "target_height": 4, "target_width": 4,
        "offset_height": 1, "offset_width": 1, "quality": 90, "jpeg_quality": 90, "factor": tf.constant(0.5), "max_delta": 0.2,
        "min_jpeg_quality": 20, "max_jpeg_quality": 90, "central_fraction": 0.5, "lower": 0.2, "upper": 0.8,
        "contrast_factor": tf.constant(0.5), "saturation_factor": tf.constant(0.5), "boxes": tf.constant([[0.1, 0.1, 0.8, 0.8]]),
        "box_indices": tf.constant([0]), "crop_size": [4, 4], "colors": None, "offsets": tf.constant([[0.0, 0.0]]),
        "loop_vars": [x], "cond": lambda v: tf.reduce_sum(v) < 50.0, "body": lambda v: [v * 2.0], "sources": x,
        "num_classes": 4, "newshape": [-1], "output_size": 2, "target_shape": [-1], "max_output_size": 2, "scores": uniform(2),
        "num_channels": 3, "filters": uniform(3, 3, shape[-1], 2) if rank else y, "kernel": None, "mode": None, "num_lower": 1,
        "num_upper": 1, "branch_index": tf.constant(0), "branch_fns": [lambda: x * 2.0], "grad_ys": None, "sp_input": None,
        "pred_fn_pairs": [(tf.constant(True), lambda: x * 2.0)], "training": True, "min": 0.2, "max": 0.7, "sample_weight": x,
        "bins": 4, "ndim": 2, "ignore": None, "source_": None, "target": None, "size_": None, "num_bands": 2, "w": x, "v": y,
        "strides_": None, "scale_": None, "perm": None, "tensor": x, "x_": None, "dim": 3, "decimals": None, "pad_width": 1,
    }  # fmt: skip
    values["num"] = None if operation in ("unstack",) else 4
    if operation in ("conv", "conv_transpose", "local_response_normalization"):
        spatial = rank - 2 if rank > 2 else 1
        out = 2 if "transpose" not in name else shape[-1] if rank else 1
        kernel = uniform(*([2] * spatial), shape[-1] if rank else 1, out)
        if "depthwise" in name:
            kernel = uniform(2, 2, shape[-1] if rank else 1, 1)
        values |= {"kernel": kernel, "filters": kernel, "filter": kernel, "depthwise_kernel": uniform(2, 2, 3, 1),
                   "pointwise_kernel": uniform(1, 1, 3, 2), "depthwise_filter": uniform(2, 2, 3, 1),
                   "pointwise_filter": uniform(1, 1, 3, 2), "strides": [1] * rank if name.startswith("tf") and rank == 4 else 1,
                   "output_shape": [1, *[s + 1 for s in shape[1:-1]], out] if rank else [1], "rate": 1,
                   "padding": "VALID" if name.startswith("tf") else "valid", "input": x}  # fmt: skip
    if operation in ("pool", "max_pool", "avg_pool") and not name.startswith("tf"):
        values |= {"padding": "valid", "pool_size": 2 if "ops" in name else (2, 2)}
    if operation in ("pool",) and name.startswith("tf"):
        values |= {"window_shape": [2, 2], "pooling_type": "AVG"}
    if operation.startswith("fractional"):
        values |= {"pooling_ratio": [1.0, 1.5, 1.5, 1.0]}
    if operation in ("reshape",):
        values["shape"] = [-1]
    if operation in ("broadcast_to",):
        values["shape"] = [2, *shape]
    if operation in ("gather_nd", "scatter_nd"):
        values |= {"indices": tf.constant([[0]]), "updates": uniform(1), "shape": [4]}
    if operation in ("scatter_update",):
        values |= {"indices": tf.constant([[0]]), "updates": y[:1] if rank else y}
    if operation in ("take_along_axis",):
        values |= {"indices": tf.zeros(shape, tf.int32)}
    if operation in ("matmul", "outer", "inner", "vdot", "dot", "tensordot", "batch_dot", "matvec"):
        values |= {"axes": 1, "y": tf.transpose(y) if operation in ("matmul", "dot") and rank == 2 else y}
        if operation == "matvec" and rank:
            values["y"] = uniform(shape[-1])
        if operation == "tensordot" and rank == 2:
            values["y"] = tf.transpose(y)
    if operation in ("repeat", "tile") and rank == 1:
        values |= {"multiples": [2], "repeats": 2}
    if operation == "one_hot":
        values |= {"indices": tf.constant([0, 1, 2]), "on_value": tf.constant(2.0), "off_value": tf.constant(0.5)}
        if name.startswith("keras"):
            values["indices"] = tf.constant([0.0, 1.0, 2.0]) if "backend" not in name else values["indices"]
    if operation in ("unique", "unique_with_counts", "setdiff1d", "bincount"):
        values |= {"weights": uniform(3), "x": tf.constant([0, 1, 1]) if operation == "bincount" else x}
    if operation in ("searchsorted",):
        values |= {"x": tf.sort(x) if rank else x, "v": y}
    if operation in ("transpose", "permute_dimensions"):
        values["axes"] = list(range(rank))[::-1]
    if operation in ("resize", "resize_area", "resize_with_pad", "resize_with_crop_or_pad"):
        values |= {"size": [4, 4], "height_factor": 2, "width_factor": 2, "depth_factor": 2, "data_format": "channels_last"}
    if operation in ("random_gamma", "random_poisson", "random_discrete"):
        values |= {"shape": [3], "mean": tf.constant(2.0), "minval": 0, "maxval": 9, "rate": tf.constant(2.0),
                   "counts": tf.constant(5.0), "probs": tf.constant(0.5), "probabilities": tf.constant(0.5)}  # fmt: skip
    if operation in ("categorical",):
        values |= {"n": 2, "num_samples": 2}
    if operation in ("fill", "full_like"):
        values |= {"shape": [2, 2], "x": tf.constant(0.4) if operation == "fill" else x, "y": tf.constant(0.4)}
    if operation == "range":
        values |= {"start": tf.constant(0.5), "limit": tf.constant(2.5), "delta": tf.constant(0.5)}
    if operation in ("linspace", "logspace", "geomspace"):
        values["num"] = 4
    if operation in ("percentile", "nanpercentile"):
        values["q"] = tf.constant(40.0)
    if operation in ("cholesky_solve", "lstsq", "solve", "triangular_solve", "lu_solve") and rank == 2:
        values |= {"y": uniform(shape[0], 2), "x": x if operation != "cholesky_solve" else x}
    if operation in ("saturate_cast", "cast", "convert_image_dtype", "bitcast"):
        values["dtype"] = "float32"
    if operation == "extract_glimpse" and rank == 4:
        values |= {"size": [2, 2]}
    if operation == "draw_bounding_boxes":
        values |= {"boxes": tf.constant([[[0.1, 0.1, 0.8, 0.8]]]), "colors": tf.constant([[1.0, 0.0, 0.0]])}
    if operation in ("non_max_suppression", "non_max_suppression_scores", "iou"):
        boxes = tf.constant([[0.1, 0.1, 0.8, 0.8], [0.2, 0.2, 0.7, 0.9]])
        values |= {"x": boxes, "boxes1": boxes, "boxes2": boxes + 0.1, "bounding_box_format": "xyxy"}
    if operation in ("edit_distance",):
        values |= {"x": tf.sparse.from_dense([[1, 2]]), "y": tf.sparse.from_dense([[1, 3]])}
    if operation in ("sparse", "sparse_reduce_max"):
        values |= {"sp_input": x, "sp_a": x, "b": tf.transpose(y) if rank == 2 else y}
    if operation == "confusion_matrix":
        values |= {"y_true": tf.constant([0, 1]), "y_pred": tf.constant([0, 1]), "weights": uniform(2)}
    if operation == "embedding_lookup_sparse":
        values |= {"sp_ids": tf.sparse.from_dense(np.array([[1, 2]], "int64")), "sparse_ids": tf.sparse.from_dense(np.array([[1, 2]], "int64")),
                   "sp_weights": None}  # fmt: skip
    if operation == "dequantize":
        values |= {"x": None}
    if operation == "local_response_normalization":
        values |= {"x": x}
    if operation == "dilation2d" or operation == "erosion2d":
        values |= {"filters": uniform(2, 2, 3), "strides": [1, 1, 1, 1], "dilations": [1, 1, 1, 1], "data_format": "NHWC",
                   "kernel": uniform(2, 2, 3), "value": x, "rates": [1, 1, 1, 1]}  # fmt: skip
    if operation == "sequence_mask":
        values |= {"x": tf.constant([1, 2])}
    if operation == "nest":
        values |= {"structure": [0, 0]}
    if operation == "rearrange":
        values |= {"pattern": "a b -> b a"}
    if operation == "get_item":
        values |= {"key": 0}
    if operation == "strided_slice":
        values |= {"strides": [1] * rank}
    if operation == "slice_update":
        values |= {"start": [0] * rank, "updates": y, "start_indices": [0] * rank}
    if operation in ("split",):
        values |= {"sections": 2, "axis": -1 if rank else 0}
    if operation in ("space_to_batch",):
        values |= {"paddings": [[0, 0], [0, 0]]}
    if operation in ("conjugate_gradient",):
        values |= {"operator": tf.linalg.LinearOperatorFullMatrix(x) if rank == 2 and shape[0] == shape[1] else None,
                   "rhs": uniform(3), "y": uniform(3)}  # fmt: skip
    if operation in ("eigh_tridiagonal",):
        values |= {"x": uniform(4), "alpha": uniform(4), "beta": uniform(3)}
    if operation in ("tridiagonal_solve",):
        values |= {"x": uniform(3, 4), "y": uniform(4), "diagonals": uniform(3, 4), "rhs": uniform(4)}
    if operation in ("switch",):
        values |= {"condition": tf.constant(True)}
    if operation in ("scan", "foldl", "associative_scan") and rank:
        values |= {"fn": (lambda a, b: a * b), "initializer": None, "f": lambda a, b: (a * b, a)}
        if name == "keras.ops.scan":
            values |= {"fn": lambda a, b: (a * b, a), "initializer": tf.ones_like(x[0])}
    if operation in ("vectorize", "recompute_grad", "custom_gradient", "grad_pass_through", "function"):
        values |= {"f": None}
    if operation == "fori_loop":
        values |= {"low": 0, "high": 2, "lower": 0, "upper": 2, "body": lambda i, v: v * 2.0, "body_fun": lambda i, v: v * 2.0,
                   "init_val": x}  # fmt: skip
    if operation == "map_fn" and name == "tf.nest.map_structure":
        values |= {"elems": [x]}
    return {key: value for key, value in values.items() if value is not None or key in ("axis",)}


def _call(api: Api, function: Callable[..., Any], scene: Scene, optional: bool) -> tuple[Any, dict[str, Any]]:
    """The result and the arguments by canonical name; LookupError when the scene has no value for a parameter."""
    keywords = {keyword: canonical for canonical, keyword in api.parameters if canonical != "_"}
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    used: dict[str, Any] = {}
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = [
            inspect.Parameter(keyword, inspect.Parameter.POSITIONAL_ONLY)
            for canonical, keyword in api.parameters[:3]
            if canonical in ("x", "y", "values", "condition")
        ]
    if api.name.endswith("()"):
        keywords = {canonical: canonical for canonical, _ in api.parameters}
        names = ["y_true", "y_pred"] if "y_pred" in keywords else ["x"]
        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
    for parameter in parameters:
        canonical = keywords.get(parameter.name, parameter.name)
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            if parameter.kind is parameter.VAR_POSITIONAL and not args and "x" in scene.values:
                values = [scene.values["x"], scene.values["y"]] if canonical not in ("x",) else [scene.values["x"]]
                for key, value in zip(("x", "y"), values, strict=False):
                    used[key] = value
                    args.append(value)
            continue
        required = parameter.default is parameter.empty
        wanted = required or (optional and canonical in _optional_inputs(api))
        if not wanted:
            continue
        if canonical not in scene.values:
            if required:
                raise KeyError(canonical)
            continue
        value = scene.values[canonical]
        used[canonical] = value
        if parameter.kind is parameter.POSITIONAL_ONLY:
            args.append(value)
        else:
            kwargs[parameter.name] = value
    return function(*args, **kwargs), used


OPTIONAL = {"x", "y", "weights", "sample_weight", "mean", "stddev", "minval", "maxval", "low", "high", "condition", "alpha",
            "beta", "offset", "scale", "initializer", "frequency_weights", "on_value", "off_value", "constant_values"}  # fmt: skip


def _optional_inputs(api: Api) -> set[str]:
    return OPTIONAL | {name for name in api.operation.flows if name != "*"}


def _measure(api: Api) -> Row:
    """One API in the scenes that fit, the best answer for each input."""
    import tensorflow as tf

    row = Row(api.name)
    try:
        function = _resolve(api)
    except Exception as error:
        row.problem = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:90]
        return row
    if not callable(function):
        row.problem = "not callable"
        return row
    tf.random.set_seed(1)
    for scene in _scenes(api):
        for optional in (True, False):
            try:
                statuses, result = _probe(api, function, scene, optional)
            except Exception as error:
                if not row.inputs:
                    row.problem = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:90]
                continue
            for name, status in statuses.items():
                if name not in row.inputs or ORDER.index(status) < ORDER.index(row.inputs[name]):
                    row.inputs[name] = status
                    row.scene, row.result = scene.name, result
            if statuses:
                row.problem = ""
                break
        if row.inputs and all(status in ("FLOWS", "NONFLOAT", "LEAVES") for status in row.inputs.values()):
            break
    return row


def _probe(api: Api, function: Callable[..., Any], scene: Scene, optional: bool) -> tuple[dict[str, str], str]:
    import tensorflow as tf

    def floating(value: Any) -> list[Any]:
        leaves = tf.nest.flatten(value) if isinstance(value, (list, tuple, dict)) else [value]
        return [v for v in leaves if tf.is_tensor(v) and isinstance(v, tf.Tensor) and _is_float(v)]

    sources = {name: floating(value) for name, value in scene.values.items()}
    if any(word in api.name for word in (".sparse.", "sparse_")) and api.operation.family == "sparse":
        sparse = lambda t: tf.sparse.from_dense(t)  # noqa: E731
        scene = Scene(scene.name, dict(scene.values))
    with tf.GradientTape(persistent=True) as tape:
        for tensors in sources.values():
            for tensor in tensors:
                tape.watch(tensor)
        if api.operation.family == "sparse" and not api.name.endswith("from_dense"):
            for key in ("x", "sp_input", "sp_a"):
                if key in scene.values and tf.is_tensor(scene.values[key]):
                    scene.values[key] = sparse(scene.values[key])
        result, used = _call(api, function, scene, optional)
        leaves = [v for v in tf.nest.flatten(result, expand_composites=True) if tf.is_tensor(v)]
        outputs = [_real(v) for v in leaves if _is_float(v)]
        weighted = [tf.reduce_sum(v * _weights(v)) for v in outputs]
    inputs = {name: tensors for name in used if (tensors := sources.get(name))}
    if not leaves:
        return dict.fromkeys(inputs, "LEAVES"), type(result).__name__
    dtype = leaves[0].dtype.name
    if not outputs:
        return dict.fromkeys(inputs, "NONFLOAT"), dtype
    statuses = {}
    for name, tensors in inputs.items():
        found = [_status(tape, target, tensor) for target in weighted for tensor in tensors]
        statuses[name] = min(found, key=ORDER.index)
    return statuses, dtype


def _is_float(value: Any) -> bool:
    return bool(value.dtype.is_floating or value.dtype.is_complex)


def _real(value: Any) -> Any:
    import tensorflow as tf

    return tf.math.real(value) + 0.5 * tf.math.imag(value) if value.dtype.is_complex else value


def _weights(value: Any) -> Any:
    """Different for each place, so that a sum that is constant does not look like a zero gradient."""
    import numpy as np

    return np.random.RandomState(3).uniform(0.5, 1.5, value.shape).astype(value.dtype.as_numpy_dtype)


def _status(tape: Any, target: Any, source: Any) -> str:
    import numpy as np
    import tensorflow as tf

    try:
        gradient = tape.gradient(target, source)
    except LookupError:
        return "LOOKUP"
    except Exception:
        return "RAISES"
    if gradient is None:
        return "NONE"
    numbers = np.asarray(tf.convert_to_tensor(gradient))
    if np.any(np.isfinite(numbers) & (numbers != 0)):
        return "FLOWS"
    return "ZERO" if np.all(numbers == 0) else "NAN"


def _child(names: Sequence[str]) -> None:
    """Measure names given on standard input, one line out for each: ``> name`` before, the row after."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # operations print
    known = {api.name: api for framework in FRAMEWORKS for api in apis(framework).values()}
    for name in names:
        print(f"> {name}", file=out, flush=True)
        print(_measure(known[name]).line(), file=out, flush=True)


# -- the parent


def measure(names: Sequence[str]) -> dict[str, Row]:
    """Measure names in child processes."""
    rows: dict[str, Row] = {}
    waiting = list(names)
    while waiting:
        current = ""
        command = [sys.executable, "-m", "tests.ops.measure", "--child"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        ) as child:
            assert child.stdin is not None and child.stdout is not None
            child.stdin.write("\n".join(waiting).encode())
            child.stdin.close()
            for line in _lines(child):
                if line.startswith("> "):
                    current = line[2:]
                elif line:
                    row = parse(line)
                    rows[row.name] = row
                    current = ""
            child.kill()
        if current:
            rows[current] = Row(current, problem="the process ended")
            waiting = waiting[waiting.index(current) + 1 :]
        elif waiting[-1] in rows:
            break
        else:
            raise RuntimeError("the measuring process could not start")
    return rows


def _lines(child: subprocess.Popen[bytes]) -> Iterator[str]:
    """Lines of a child until it ends or says nothing for too long."""
    assert child.stdout is not None
    buffer = b""
    while select.select([child.stdout], [], [], SECONDS)[0]:
        chunk = os.read(child.stdout.fileno(), 65536)
        if not chunk:
            return
        buffer += chunk
        *complete, buffer = buffer.split(b"\n")
        yield from (line.decode() for line in complete)


def versions() -> str:
    """The installed versions, as the header of the file names them."""
    from importlib.metadata import version

    return f"TensorFlow {version('tensorflow')}, Keras {version('keras')}, NumPy {version('numpy')}"


def write(rows: dict[str, Row]) -> None:
    """Replace the committed measurements."""
    head = f"# Measured with {versions()}\n# name\tgradient by input\tresult\targuments\tproblem\n"
    MEASURED.write_text(head + "".join(rows[name].line() + "\n" for name in rows), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write measured.tsv")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="measure these names and print the rows")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(sys.stdin.read().split())
        return
    rows = measure(options.only or [api.name for api in candidates()])
    if options.only:
        print("\n".join(row.line() for row in rows.values()))
    elif options.write:
        write(rows)
    else:
        known = read()
        for name, row in rows.items():
            if name not in known or known[name].inputs != row.inputs:
                print(row.line())


if __name__ == "__main__":
    main()
