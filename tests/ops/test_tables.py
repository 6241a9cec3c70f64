"""The operation tables: complete, consistent, found under every spelling."""

from __future__ import annotations

import ast
import re
from collections import Counter
from importlib import resources
from typing import Any

import pytest

from losslint.ops.table import FAMILIES, FRAMEWORKS, Api, apis, canonical_name, lookup, operations, preferred

CUTS = {"none", "zero", "raises", "-"}
RESULTS = {"same", "float", "int", "bool", "complex", "string", "shape", "python", "array", "tuple", "none"}
NOTES = {"", "TensorFlow 1", "Keras 2", "NumPy 1", "tf.keras only", "keras only", "keeps the tape"}


def lines(filename: str) -> list[list[str]]:
    text = resources.files("losslint.ops").joinpath(filename).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def every_api() -> list[Api]:
    return [api for framework in FRAMEWORKS for api in apis(framework).values()]


def test_operations_use_the_words_of_the_format() -> None:
    for operation in operations().values():
        assert operation.cut in CUTS, operation
        assert operation.result in RESULTS, operation
        assert operation.family in FAMILIES, operation
        assert operation.instead, operation


def test_an_operation_that_cuts_nothing_lets_everything_through() -> None:
    for operation in operations().values():
        assert operation.flows or operation.cut != "-", operation


@pytest.mark.parametrize("filename", ["operations.tsv", *(f"apis/{framework}.tsv" for framework in FRAMEWORKS)])
def test_no_name_twice(filename: str) -> None:
    names = Counter(row[0] for row in lines(filename))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_line_is_well_formed(framework: str) -> None:
    for row in lines(f"apis/{framework}.tsv"):
        assert 2 <= len(row) <= 5, row
        assert re.fullmatch(r"((flows=(-|\*|\w+(,\w+)*)|cut=(none|zero|raises|-)) ?)*", (row + [""] * 5)[4]), row
        assert row[1] in operations(), row
        assert all(re.fullmatch(r"(_|\w+(=\w+)?)", word) for word in "".join(row[2:3]).split()), row


def test_every_operation_has_a_name_somewhere() -> None:
    used = {api.operation.name for api in every_api()}
    assert sorted(set(operations()) - used) == []


def test_every_framework_has_a_table() -> None:
    assert [framework for framework in FRAMEWORKS if not apis(framework)] == []


def test_notes_are_known() -> None:
    for api in every_api():
        assert api.note in NOTES or api.operation.family == "missing", api
        if api.operation.name == "missing_method":
            assert api.note, api


def test_tables_spell_names_canonically() -> None:
    assert [api.name for api in every_api() if canonical_name(api.name) != api.name] == []


@pytest.mark.parametrize(
    ("spelling", "name", "operation"),
    [
        ("tensorflow.math.log", "tf.math.log", "log"),
        ("tensorflow.compat.v1.log", "tf.log", "log"),
        ("tensorflow.compat.v1.math.log", "tf.math.log", "log"),
        ("tensorflow.python.ops.math_ops.reduce_mean", "tf.reduce_mean", "mean"),
        ("tensorflow.python.ops.nn.softmax", "tf.nn.softmax", "softmax"),
        ("tf.keras.backend.mean", "keras.backend.mean", "mean"),
        ("tensorflow.keras.backend.mean", "keras.backend.mean", "mean"),
        ("tensorflow.python.keras.backend.mean", "keras.backend.mean", "mean"),
        ("tensorflow.compat.v1.keras.backend.mean", "keras.backend.mean", "mean"),
        ("tf_keras.losses.mean_squared_error", "keras.losses.mean_squared_error", "mse"),
        ("keras.src.ops.numpy.mean", "keras.ops.mean", "mean"),
        ("keras.ops.nn.softmax", "keras.ops.softmax", "softmax"),
        ("keras.src.layers.core.dense.Dense", "keras.layers.Dense", "object"),
        ("keras.api._v2.keras.losses.Huber", "keras.losses.Huber", "object"),
        ("tensorflow.keras.losses.BinaryCrossentropy()", "keras.losses.BinaryCrossentropy()", "binary_crossentropy"),
        ("tensorflow.keras.layers.Dense()", "keras.layers.Dense()", "layer"),
        ("tensorflow.keras.applications.VGG16()", "keras.applications.VGG16()", "layer"),
        ("tensorflow.keras.metrics.AUC()", "keras.metrics.AUC()", "metric"),
        ("tensorflow.keras.metrics.AUC().result", "keras.Metric().result", "metric"),
        ("tensorflow.metrics.Mean().update_state", "keras.Metric().update_state", "metric"),
        ("tensorflow.keras.losses.Huber().call", "keras.losses.Huber()", "huber"),
        ("torch.nn.functional.mse_loss", "torch.F.mse_loss", "mse"),
        ("torch.nn.CrossEntropyLoss()", "torch.nn.CrossEntropyLoss()", "cross_entropy"),
        ("jax.numpy.mean", "jnp.mean", "mean"),
        ("optax.huber_loss", "optax.huber_loss", "huber"),
        ("tensorflow.keras.Input", "keras.Input", "keras_input"),
        ("numpy.mean", "np.mean", "mean"),
        ("numpy.random.uniform", "np.random.uniform", "numpy_random"),
        ("numpy.float32", "np.float32", "dtype"),
        ("tensorflow.experimental.numpy.mean", "tf.experimental.numpy.mean", "mean"),
        ("scipy.ndimage.distance_transform_edt", "scipy.ndimage.distance_transform_edt", "escape"),
        ("sklearn.metrics.mean_squared_error", "sklearn.metrics.mean_squared_error", "escape"),
        ("builtins.max", "builtins.max", "maximum"),
        ("math.log", "math.log", "log"),
        ("tf.Tensor.numpy", "tf.Tensor.numpy", "to_numpy"),
        ("tf.Tensor.mean", "tf.Tensor.mean", "missing_method"),
        ("tensorflow.data.Dataset.from_tensor_slices", "tf.data.Dataset.from_tensor_slices", "dataset"),
    ],
)
def test_lookup_knows_the_spellings(spelling: str, name: str, operation: str) -> None:
    api = lookup(spelling)
    assert api is not None
    assert (api.name, api.operation.name) == (name, operation)


@pytest.mark.parametrize("name", ["requests.get", "tf.no_such_thing", "keras.ops.no_such_thing", "mymodule.loss"])
def test_lookup_is_silent_about_the_rest(name: str) -> None:
    assert lookup(name) is None


def test_old_keywords_are_known() -> None:
    api = lookup("tf.reduce_mean")
    assert api is not None
    assert api.parameters[:3] == (("x", "input_tensor"), ("axis", "axis"), ("keepdims", "keepdims"))
    assert {("axis", "reduction_indices"), ("keepdims", "keep_dims")} <= set(api.parameters)


@pytest.mark.parametrize(
    ("operation", "tensorflow", "keras", "numpy"),
    [
        ("log", "tf.math.log", "keras.ops.log", "np.log"),
        ("mean", "tf.reduce_mean", "keras.ops.mean", "np.mean"),
        ("sum", "tf.reduce_sum", "keras.ops.sum", "np.sum"),
        ("max", "tf.reduce_max", "keras.ops.max", "np.max"),
        ("abs", "tf.abs", "keras.ops.abs", "np.abs"),
        ("clip", "tf.clip_by_value", "keras.ops.clip", "np.clip"),
        ("round", "tf.round", "keras.ops.round", "np.round"),
        ("sqrt", "tf.sqrt", "keras.ops.sqrt", "np.sqrt"),
        ("square", "tf.square", "keras.ops.square", "np.square"),
        ("exp", "tf.exp", "keras.ops.exp", "np.exp"),
        ("where", "tf.where", "keras.ops.where", "np.where"),
        ("pow", "tf.pow", "keras.ops.power", "np.power"),
        ("norm", "tf.norm", "keras.ops.norm", "np.linalg.norm"),
        ("softmax", "tf.nn.softmax", "keras.ops.softmax", ""),
        ("sigmoid", "tf.sigmoid", "keras.ops.sigmoid", ""),
        ("argmax", "tf.argmax", "keras.ops.argmax", "np.argmax"),
        ("gather", "tf.gather", "keras.ops.take", "np.take"),
        ("concat", "tf.concat", "keras.ops.concatenate", "np.concatenate"),
        ("std", "tf.math.reduce_std", "keras.ops.std", "np.std"),
        ("cumsum", "tf.cumsum", "keras.ops.cumsum", "np.cumsum"),
        ("top_k", "tf.nn.top_k", "keras.ops.top_k", ""),
        ("mse", "", "keras.losses.mean_squared_error", ""),
    ],
)
def test_preferred_spelling(operation: str, tensorflow: str, keras: str, numpy: str) -> None:
    assert [preferred(f, operation) for f in ("tensorflow", "keras", "numpy")] == [tensorflow, keras, numpy]


@pytest.mark.parametrize("operation", ["round", "floor", "ceil", "sign"])
def test_frameworks_differ_in_how_they_cut(operation: str) -> None:
    for name in (f"torch.{operation}", f"jnp.{operation}"):
        api = lookup(name)
        assert api is not None
        assert (api.operation.name, api.operation.cut, api.operation.flows) == (operation, "zero", frozenset())
    assert operations()[operation].cut == ("zero" if operation == "sign" else "none")


def exists(name: str, roots: tuple[Any, ...]) -> bool:
    missing = object()
    for root in roots:
        found = root
        for part in name.removesuffix("()").split(".")[1:]:
            found = getattr(found, part, missing)
        if found is not missing:
            return True
    return False


def current(framework: str) -> list[Api]:
    methods = ("tf.Tensor.", "tf.Variable.", "np.ndarray.")
    return [
        api
        for api in apis(framework).values()
        if not api.removed
        and not api.name.endswith(".*")
        and not api.name.startswith(methods)
        and "()." not in api.name
    ]


def test_tensorflow_names_exist() -> None:
    tf = pytest.importorskip("tensorflow")
    assert [api.name for api in current("tensorflow") if not exists(api.name, (tf,))] == []
    old = [api.name for api in apis("tensorflow").values() if api.note == "TensorFlow 1" and exists(api.name, (tf,))]
    assert old == []


def test_tensor_methods_exist_or_not() -> None:
    tf = pytest.importorskip("tensorflow")
    eager, variable = tf.constant(1.0), tf.Variable(1.0)
    with tf.Graph().as_default():
        symbolic = tf.constant(1.0)
    for api in apis("tensorflow").values():
        owner, _, method = api.name.rpartition(".")
        if owner == "tf.Variable":
            assert method in dir(variable), api.name
        if owner == "tf.Tensor" and api.operation.family == "missing":
            assert method not in dir(eager), api.name
        elif owner == "tf.Tensor":
            assert method in dir(eager) or method in dir(symbolic), api.name


def test_keras_names_exist() -> None:
    keras, tf = pytest.importorskip("keras"), pytest.importorskip("tensorflow")
    for api in current("keras"):
        assert exists(api.name, (tf.keras,) if api.note == "tf.keras only" else (keras,)), api.name
        assert api.note != "tf.keras only" or not exists(api.name, (keras,)), api.name
        assert api.note not in ("", "keras only") or exists(api.name, (tf.keras,)) == (api.note == ""), api.name


def test_numpy_names_exist() -> None:
    np = pytest.importorskip("numpy")
    assert [api.name for api in current("numpy") if not exists(api.name, (np,))] == []


SYMBOLS = {"x", "y", "y_true", "y_pred", "positions", "centers", "width", "threshold", "gumbel", "temperature", "size",
           "factor", "mean", "model", "metrics", "n", "condition"}  # fmt: skip


def snippets() -> list[tuple[str, str]]:
    return [(o.name, code) for o in operations().values() for code in re.findall(r"`([^`]+)`", o.instead)]


def test_advice_is_python() -> None:
    for name, code in snippets():
        names = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
        assert names <= SYMBOLS | {"tf", "keras", "compile", "model"}, (name, names)


def expressions() -> list[tuple[str, str]]:
    """The pieces of advice that compute something from the prediction."""
    found = []
    for name, code in snippets():
        names = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
        if names & {"x", "y_pred"}:
            found.append((name, code))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "code"), expressions())
def test_advice_has_a_gradient(name: str, code: str) -> None:
    """What the tables tell people to write instead really differentiates."""
    tf, keras = pytest.importorskip("tensorflow"), pytest.importorskip("keras")
    prediction = tf.constant([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.1, 0.2, 0.7]])
    if "image" in code or "factor" in code:
        prediction = tf.random.uniform([1, 8, 8, 3], seed=1)
    if "eigvalsh" in code:
        prediction = tf.matmul(prediction, prediction, transpose_a=True) + tf.eye(3)
    with tf.GradientTape() as tape:
        tape.watch(prediction)
        x = tf.sparse.from_dense(prediction) if "sparse" in code else tf.identity(prediction)
        scope = {
            "tf": tf, "keras": keras, "x": x, "y": tf.fill(prediction.shape, 0.4), "y_true": tf.eye(3),
            "y_pred": x, "positions": tf.range(3.0),
            "centers": tf.constant([0.1, 0.5, 0.9]), "width": 0.3, "threshold": 0.4, "temperature": 0.5, "size": [4, 4],
            "gumbel": tf.constant([0.1, -0.2, 0.3]), "factor": 1.3, "model": lambda v: v * 2.0,
            "condition": prediction > 0.5,
        }  # fmt: skip
        result = tf.convert_to_tensor(eval(code, scope))
        target = tf.reduce_sum(result * tf.random.uniform(tf.shape(result), 0.5, 1.5, seed=2))
    gradient = tape.gradient(target, prediction)
    assert gradient is not None
    assert float(tf.reduce_sum(tf.abs(gradient))) > 0.0
