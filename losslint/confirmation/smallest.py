"""The smallest data that a compiled Keras model can be fitted on. Runs in the child, and in scripts that repeat failures."""

from __future__ import annotations

from typing import Any

ROWS = 10  # two full batches of four and a partial one
UNKNOWN_SIZE = 3  # of an axis that the model leaves open: as wide as what made-up layers return


def fitting(model: Any, x: Any = None, y: Any = None, parts: int = 0) -> tuple[Any, dict[str, Any]]:
    """A model with the data that ``fit`` is called with: the given, else random numbers in the shapes that it takes and
    returns.

    ``parts`` says what its step takes: 1 for inputs alone, 2 with labels, 3 with weights as well, 0 where that is not known.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    weights = {"sample_weight": np.ones(ROWS, "float32")} if x is None and parts == 3 else {}
    if x is None:
        x = _like(_inputs(model), rng, integers=_looks_up(model))
    if y is None and parts != 1 and _answers(model):
        outputs = model(x)
        sparse = "sparse" in str(getattr(model, "loss", "")).lower()
        y = _mapped(outputs, lambda out: _labels(out.shape, rng, sparse))
    elif y is None and parts > 1:
        y = _mapped(x, lambda part: _labels(part.shape, rng, sparse=False))
    return model, {"x": x, "y": y, **weights}


def answering(model: Any, x: Any, right: float, wrong: float) -> tuple[Any, float, Any]:
    """What training makes of a compiled model that answers the same whatever it is asked.

    The last layer computes ``right`` for the first class and ``wrong`` for all others before its activation; the first
    class is the label. Gives the output for one sample, the loss without penalties of weights, and the gradient of the loss
    to the bias of the last layer.
    """
    import tensorflow as tf

    kernels, bias = model.trainable_weights[:-1], model.trainable_weights[-1]
    width = int(model(x).shape[-1])
    if tuple(bias.shape) != (width,):
        raise ValueError("the model does not end in a layer with a bias")
    kernels[-1].assign(kernels[-1] * 0.0)
    first = [1.0] + [0.0] * (width - 1)
    bias.assign([right if one else wrong for one in first])
    sparse = "sparse" in str(model.loss).lower()

    def step() -> Any:
        with tf.GradientTape() as tape:
            output = model(x, training=False)
            label = tf.zeros(tf.shape(output)[:-1], tf.int32) if sparse else tf.zeros_like(output) + tf.constant(first)
            loss = model.compute_loss(x=x, y=label, y_pred=output) - sum(model.losses)
        return output, loss, tape.gradient(loss, bias)

    output, loss, gradient = (tf.convert_to_tensor(part).numpy() for part in tf.function(step, autograph=False)())
    return output.reshape(-1, width)[0], float(loss), gradient


def _answers(model: Any) -> bool:
    """Whether a model can be called: one with a step of its own may do without."""
    import tensorflow as tf

    return type(model).call is not tf.keras.Model.call


def _inputs(model: Any) -> Any:
    """What a model takes; a subclassed one does not say so, but the first model that it is made of may."""
    return next((found for one in (model, *getattr(model, "layers", ())) if (found := getattr(one, "inputs", None))), None)


def _like(inputs: Any, rng: Any, integers: bool) -> Any:
    if not inputs:
        return rng.random((ROWS, UNKNOWN_SIZE)).astype("float32")
    made = [_numbers((ROWS, *(d or UNKNOWN_SIZE for d in one.shape[1:])), rng, integers) for one in inputs]
    return made[0] if len(made) == 1 else made


def _numbers(shape: tuple[int, ...], rng: Any, integers: bool) -> Any:
    return rng.integers(0, 3, shape) if integers else rng.random(shape).astype("float32")


def _looks_up(model: Any) -> bool:
    """Whether its first layer is an embedding."""
    layers = [one for one in getattr(model, "layers", []) if type(one).__name__ != "InputLayer"]
    return bool(layers) and type(layers[0]).__name__ == "Embedding"


def _labels(shape: Any, rng: Any, sparse: bool) -> Any:
    sizes = tuple(int(size) for size in shape)
    return rng.integers(0, sizes[-1], sizes[:-1]) if sparse else rng.random(sizes).astype("float32")


def _mapped(data: Any, function: Any) -> Any:
    if isinstance(data, dict):
        return {key: _mapped(value, function) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_mapped(value, function) for value in data]
    return function(data)
