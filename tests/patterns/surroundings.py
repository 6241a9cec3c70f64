# mypy: ignore-errors
"""The same mistakes in odd surroundings: module set-up, aliases, decorators, contexts, unusual signatures."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Optional

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K
from tensorflow.keras.losses import Loss as KerasLoss
from keras.src.losses.losses import LossFunctionWrapper

np.set_printoptions(precision=3, suppress=True)
np.random.seed(0)
tf.random.set_seed(0)
K.clear_session()
K.set_floatx("float32")
keras.utils.set_random_seed(0)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.setrecursionlimit(5000)

EPS = K.epsilon()
mse = keras.losses.MeanSquaredError()
WEIGHTS: dict[str, float] = {"fit": 1.0, "round": 0.5}


# -- set-up statements do not hide the names they use


def np_after_setup_loss(y_true, y_pred):
    return tf.reduce_mean(np.square(y_true - y_pred))  # expect: LL101


def k_after_setup_loss(y_true, y_pred):
    return K.mean(K.abs(y_true - K.round(y_pred)))  # expect: LL105


def tf_after_setup_loss(y_true, y_pred):
    return tf.reduce_mean(tf.cast(y_pred > y_true, tf.float32))  # expect: LL106


# -- signatures


def annotated_loss(y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: Optional[tf.Tensor] = None) -> tf.Tensor:
    error: tf.Tensor = tf.abs(y_true - tf.round(y_pred))  # expect: LL105
    if sample_weight is not None:
        error *= sample_weight
    return tf.reduce_mean(error)


def positional_only_loss(y_true, y_pred, /, *, axis=-1, **options: Any):
    return tf.reduce_mean(tf.abs(y_true - tf.floor(y_pred)), axis=axis)  # expect: LL105


def target_output_loss(target, output):
    return tf.reduce_mean(tf.abs(target - tf.round(output)))  # expect: LL105


def short_names_loss(yTrue, yPred):
    return tf.reduce_mean(tf.square(yTrue - tf.sign(yPred)))  # expect: LL107


def plain_letters(a, b):
    # truth: skip
    return K.mean(K.cast(K.greater(b, 0.5), "float32"))  # expect: LL106


def keyword_options_loss(y_true, y_pred, **kwargs):
    gamma = kwargs.pop("gamma", 2.0)
    hard = kwargs.get("hard", False)
    p = tf.round(y_pred) if hard else y_pred
    return tf.reduce_mean((tf.abs(y_true - p) + 0.01) ** gamma)


def defaulted_tensor_loss(y_true, y_pred, weights=None):
    weights = tf.ones_like(y_true) if weights is None else tf.convert_to_tensor(weights)
    return tf.reduce_mean(weights * tf.abs(y_true - y_pred))


# -- contexts and statements


def name_scope_loss(y_true, y_pred):
    with tf.name_scope("rounded"):
        rounded = tf.round(y_pred)  # expect: LL105
    return tf.reduce_mean(tf.abs(y_true - rounded))


def errstate_loss(y_true, y_pred):
    with np.errstate(divide="ignore"), contextlib.suppress(ZeroDivisionError):
        value = -tf.reduce_mean(y_true * np.log(y_pred))  # expect: LL101
    return value


def try_finally_loss(y_true, y_pred):
    try:
        loss = tf.reduce_mean(tf.abs(y_true - y_pred))
    finally:
        print("traced")
    return loss


def try_except_numpy_loss(y_true, y_pred):
    # truth: skip
    try:
        return np.mean(tf.abs(y_true - y_pred))  # expect: LL101
    except NotImplementedError:
        return tf.reduce_mean(tf.abs(y_true - y_pred))


def match_statement_loss(y_true, y_pred, kind="l2"):
    error = y_true - y_pred
    match kind:
        case "l1":
            return tf.reduce_mean(tf.abs(error))
        case "l2":
            return tf.reduce_mean(tf.square(error))
        case _:
            raise ValueError(kind)


def nonlocal_loss(y_true, y_pred):
    total = 0.0

    def add(term, weight=1.0):
        nonlocal total
        total = total + weight * tf.reduce_mean(term)

    add(tf.abs(y_true - y_pred))
    add(tf.square(y_true - y_pred), WEIGHTS["fit"])
    return total


def nonlocal_cut_loss(y_true, y_pred):
    total = 0.0

    def add(term):
        nonlocal total
        total = total + tf.reduce_mean(tf.cast(term > 0.5, tf.float32))  # expect: LL106

    add(tf.abs(y_true - y_pred))
    return total


def deleted_name_loss(y_true, y_pred):
    scratch = tf.abs(y_true - y_pred)
    result = tf.reduce_mean(scratch)
    del scratch
    return result


def swapped_names_loss(y_true, y_pred):
    y_true, y_pred = y_pred, y_true
    return tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)))


def rebound_twice_loss(y_true, y_pred):
    y_pred = tf.nn.softmax(y_pred)
    y_pred = tf.argmax(y_pred, axis=-1)  # expect: LL105
    y_pred = tf.cast(y_pred, tf.float32)
    y_true = tf.cast(tf.argmax(y_true, axis=-1), tf.float32)
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def chained_assignment_loss(y_true, y_pred):
    a = b = tf.abs(y_true - y_pred)
    return tf.reduce_mean(a * tf.round(b + 1.0))


def conditional_definition_loss(y_true, y_pred):
    if hasattr(tf, "experimental"):
        distance = tf.math.squared_difference
    else:
        distance = tf.squared_difference
    return tf.reduce_mean(distance(y_true, y_pred))


def aliased_function_loss(y_true, y_pred):
    r = tf.round
    return tf.reduce_mean(tf.abs(y_true - r(y_pred)))  # expect: LL105


def getattr_loss(y_true, y_pred):
    reduce = getattr(tf, "reduce_mean")
    return reduce(tf.abs(y_true - y_pred))


def function_table_loss(y_true, y_pred):
    steps = [tf.abs, tf.round, tf.reduce_mean]  # a pipeline
    value = y_true - y_pred
    for step in steps:
        value = step(value)  # expect: LL105
    return value


def multi_line_loss(y_true, y_pred):
    return tf.reduce_mean(
        tf.abs(
            y_true
            - tf.cast(
                tf.argmax(  # expect: LL105
                    y_pred,
                    axis=-1,
                ),
                tf.float32,
            )[:, None]
        )
    )


# -- tensor containers


def tensor_array_loss(y_true, y_pred):
    terms = tf.TensorArray(tf.float32, size=3)
    for c in range(3):
        terms = terms.write(c, tf.reduce_mean(tf.abs(y_true[:, c] - y_pred[:, c])))
    return tf.reduce_sum(terms.stack())


def scan_loss(y_true, y_pred):
    def step(state, row):
        return 0.9 * state + tf.reduce_mean(tf.abs(row))

    return tf.scan(step, y_true - y_pred, initializer=0.0)[-1]


def foldl_loss(y_true, y_pred):
    return tf.foldl(lambda total, row: total + tf.reduce_max(tf.abs(row)), y_true - y_pred, initializer=0.0)


def map_fn_cut_loss(y_true, y_pred):
    hard = tf.map_fn(lambda row: tf.round(row), y_pred)  # expect: LL105
    return tf.reduce_mean(tf.abs(y_true - hard))


def dynamic_partition_loss(y_true, y_pred):
    # truth: vector
    low, high = tf.dynamic_partition(tf.abs(y_true - y_pred), tf.cast(y_true > 0.5, tf.int32), 2)
    return tf.reduce_sum(low) + 2.0 * tf.reduce_sum(high)


def ragged_loss(y_true, y_pred):
    # truth: vector
    rows = tf.RaggedTensor.from_row_lengths(y_pred, [2, 4])
    return tf.reduce_mean(tf.reduce_mean(rows, axis=1)) - tf.reduce_mean(y_true)


def segment_loss(y_true, y_pred):
    # truth: sparse
    sums = tf.math.unsorted_segment_sum(tf.reduce_max(y_pred, axis=-1), tf.cast(y_true, tf.int32), 3)
    return tf.reduce_mean(tf.square(sums - 1.0))


def segment_of_prediction_loss(y_true, y_pred):
    # truth: vector
    bins = tf.cast(4.0 * y_pred, tf.int32)  # expect: LL105
    return tf.reduce_max(tf.math.unsorted_segment_sum(y_true, bins, 4))


def einsum_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(tf.einsum("bi,bj->ij", y_pred, y_pred) - tf.einsum("bi,bj->ij", y_true, y_true)))


def cond_cut_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    return tf.cond(error > 0.2, lambda: tf.round(10.0 * error), lambda: tf.floor(error))  # expect: LL105


def switch_case_loss(y_true, y_pred):
    e = tf.reduce_mean(tf.abs(y_true - y_pred))
    return tf.case([(e > 0.5, lambda: 2.0 * e), (e > 0.25, lambda: 1.5 * e)], default=lambda: e)


# -- decorators, wrappers, classes


@tf.autograph.experimental.do_not_convert
def not_converted_loss(y_true, y_pred):
    e = tf.reduce_mean(tf.abs(y_true - y_pred))
    if e > 0.3:  # expect: LL201
        e = 2.0 * e
    return e


def wrapped_by_call_loss(y_true, y_pred):
    # truth: skip
    e = tf.reduce_mean(tf.abs(y_true - y_pred))
    if e > 0.3:
        e = 2.0 * e
    return e


@keras.utils.register_keras_serializable(package="mine")
class AliasedBase(KerasLoss):
    def call(self, y_true, y_pred):
        return tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)), axis=-1)  # expect: LL105


class OwnCall(KerasLoss):
    def __call__(self, y_true, y_pred, sample_weight=None):
        e = tf.abs(y_true - tf.cast(y_pred > 0.5, tf.float32))  # expect: LL106
        return tf.reduce_mean(e)

    def call(self, y_true, y_pred):
        return self(y_true, y_pred)


def base_error(y_true, y_pred, level=0.5):
    return tf.reduce_mean(tf.abs(y_true - tf.cast(y_pred > level, tf.float32)), axis=-1)  # expect: LL106


class Wrapped(LossFunctionWrapper):
    def __init__(self, level=0.5, name="wrapped", **kwargs):
        super().__init__(base_error, name=name, level=level, **kwargs)


class WithHelpers(KerasLoss):
    THRESHOLD = 0.5

    def __init__(self, hard=True, **kwargs):
        super().__init__(**kwargs)
        self.hard = hard
        self.distance = keras.losses.MeanAbsoluteError(reduction=None)
        self.prepare = self._harden if hard else self._keep

    def _harden(self, p):
        return tf.where(p > self.THRESHOLD, 1.0, 0.0)  # expect: LL106

    def _keep(self, p):
        return p

    def call(self, y_true, y_pred):
        return self.distance(y_true, self.prepare(y_pred))


def second_order_loss(inner):
    def outer(y_true, y_pred):
        return inner(y_true, tf.round(y_pred))  # expect: LL105

    return outer


rounded_mse = second_order_loss(mse)


def add_rounding_penalty(model, x):
    output = model(x)
    model.add_loss(0.1 * tf.reduce_mean(tf.square(output)))
    return model


def train(model):
    model.compile("adam", loss=plain_letters)
    model.compile("adam", loss=tf.function(wrapped_by_call_loss))
    model.compile("adam", loss=[rounded_mse, Wrapped()])
    model.compile("adam", loss=OwnCall(), metrics=["mae"])


# -- numbers that pass through the framework


class ElasticNet(keras.regularizers.Regularizer):
    def __init__(self, l1=0.0, l2=0.0):
        self.l1 = K.cast_to_floatx(l1)
        self.l2 = K.cast_to_floatx(l2)

    def __call__(self, w):
        total = 0.0
        if self.l1:
            total += self.l1 * tf.reduce_sum(tf.abs(w))
        if self.l2 > 0:
            total += self.l2 * tf.reduce_sum(tf.square(w))
        return total


def epsilon_loss(y_true, y_pred, eps=K.epsilon()):
    if eps > 1e-3 or K.floatx() == "float16" or K.backend() != "tensorflow":
        eps = 1e-3
    return tf.reduce_mean(tf.abs(y_true - y_pred)) / (1.0 + eps)


def dtype_checks_loss(y_true, y_pred):
    if y_pred.dtype.is_floating and y_true.dtype in (tf.float32, tf.float64):
        y_true = tf.cast(y_true, y_pred.dtype)
    if y_pred.shape.is_fully_defined() or K.ndim(y_pred) == 3 or tf.keras.backend.is_keras_tensor(y_pred):
        y_pred = tf.identity(y_pred)
    if y_pred.shape.as_list()[1:] != y_true.shape.as_list()[1:]:
        y_true = tf.reshape(y_true, tf.shape(y_pred))
    return tf.reduce_mean(tf.square(y_true - y_pred))


def static_value_loss(y_true, y_pred):
    static = tf.get_static_value(tf.shape(y_pred)[1])
    if static is not None and static > 1:
        return tf.reduce_mean(tf.abs(y_true - y_pred))
    return tf.reduce_mean(tf.square(y_true - y_pred))


def eager_guard_loss(y_true, y_pred):
    loss = tf.reduce_mean(tf.abs(y_true - y_pred))
    if tf.executing_eagerly():
        print("loss", float(loss), loss.numpy(), np.max(y_pred))
    if not tf.inside_function() and loss > 0.1:
        print("large")
    return loss


def main_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred))


if __name__ == "__main__":
    a, b = tf.random.uniform((4, 3)), tf.random.uniform((4, 3))
    print(float(main_loss(a, b)), np.mean(a - b), max(main_loss(a, b), 0.0))
    assert main_loss(a, a) < 1e-6
