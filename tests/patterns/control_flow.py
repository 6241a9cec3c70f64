# mypy: ignore-errors
"""Python's control flow on tensors, in functions that Keras traces without AutoGraph, and what is fine."""

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K

THRESHOLD = 0.4


# -- if, while, conditional expressions, assert


def both_branches_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    if error > THRESHOLD:  # expect: LL201
        loss = 2.0 * error
    else:
        loss = 0.5 * error
    return loss


def no_else_loss(y_true, y_pred):
    loss = tf.reduce_mean(tf.square(y_true - y_pred))
    if tf.reduce_mean(y_pred) > tf.reduce_mean(y_true):  # expect: LL201
        loss = 2.0 * loss
    return loss


def only_in_one_branch_loss(y_true, y_pred):
    loss = tf.reduce_mean(tf.abs(y_true - y_pred))
    if loss > 0.0:  # expect: LL201
        extra = tf.reduce_mean(y_pred)
    return loss + extra


def vector_condition_loss(y_true, y_pred):
    error = y_true - y_pred
    if error > 0:  # expect: LL201
        return tf.reduce_mean(error)
    return -tf.reduce_mean(error)


def reduce_any_loss(y_true, y_pred):
    if tf.reduce_any(y_pred < 0.0):  # expect: LL201
        y_pred = tf.nn.relu(y_pred)
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def float_condition_loss(y_true, y_pred):
    count = tf.reduce_sum(tf.cast(y_true > 0.5, tf.float32))
    loss = tf.reduce_sum(tf.abs(y_true - y_pred))
    if count:  # expect: LL201
        loss = loss / count
    return loss


def early_return_loss(y_true, y_pred):
    positives = K.sum(y_true)
    if positives == 0:  # expect: LL201
        return K.mean(K.square(y_pred))
    return K.sum(K.abs(y_true - y_pred)) / positives


def elif_loss(y_true, y_pred, mode="mean"):
    loss = tf.abs(y_true - y_pred)
    if mode == "sum":
        return tf.reduce_sum(loss)
    elif tf.reduce_max(loss) > 0.9:  # expect: LL201
        return tf.reduce_max(loss)
    else:
        return tf.reduce_mean(loss)


def raise_in_if_loss(y_true, y_pred):
    if tf.reduce_any(tf.math.is_nan(y_pred)):  # expect: LL201
        raise ValueError("NaN in predictions")
    return tf.reduce_mean(tf.square(y_true - y_pred))


def ternary_loss(y_true, y_pred):
    error = tf.reduce_mean(y_true - y_pred)
    return error if error > 0 else -2.0 * error  # expect: LL201


def lambda_ternary_loss(y_true, y_pred):
    hinge = lambda x: x if x > 0 else 0.0 * x  # expect: LL201
    return hinge(tf.reduce_mean(tf.abs(y_true - y_pred)))


def tensor_predicate(x):
    if tf.reduce_min(x) < 0.5:  # expect: LL201
        return x + 1.0
    return x


def if_in_helper_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - tensor_predicate(y_pred)))


def rank_loss(y_true, y_pred):
    if tf.rank(y_pred) == 2:  # expect: LL201
        y_pred = tf.expand_dims(y_pred, 1)
    return tf.reduce_mean(tf.abs(tf.expand_dims(y_true, 1) - y_pred))


def dynamic_batch_loss(y_true, y_pred):
    if tf.shape(y_pred)[0] > 1:  # expect: LL201
        y_pred = y_pred - tf.reduce_mean(y_pred, axis=0)
    return tf.reduce_mean(tf.square(y_true - y_pred))


def while_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    while error > 0.1:  # expect: LL201
        error = error * 0.5
    return error


def assert_loss(y_true, y_pred):
    assert tf.reduce_min(y_pred) >= 0.0, "probabilities expected"  # expect: LL201
    return tf.reduce_mean(tf.square(y_true - y_pred))


def walrus_condition_loss(y_true, y_pred):
    if (worst := tf.reduce_max(tf.abs(y_true - y_pred))) > 0.5:  # expect: LL201
        return worst
    return 0.5 * worst


def match_label_loss(y_true, y_pred):
    # truth: binary
    if y_true[0, 0] == 1.0:  # expect: LL201
        return -tf.reduce_mean(tf.math.log(y_pred))
    return -tf.reduce_mean(tf.math.log(1.0 - y_pred))


def comprehension_condition_loss(y_true, y_pred):
    columns = tf.unstack(tf.abs(y_true - y_pred), axis=1)
    large = [c for c in columns if tf.reduce_mean(c) > 0.1]  # expect: LL201
    return tf.add_n(large)


def try_except_loss(y_true, y_pred):
    # truth: skip
    loss = tf.reduce_mean(tf.square(y_true - y_pred))
    try:
        if loss > 0.1:  # expect: LL201
            loss = 2.0 * loss
    except Exception:
        loss = tf.reduce_mean(y_pred)
    return loss


class GatedLoss(keras.losses.Loss):
    def __init__(self, limit=0.5):
        super().__init__(name="gated")
        self.limit = limit

    def call(self, y_true, y_pred):
        error = tf.reduce_mean(tf.abs(y_true - y_pred))
        if error < self.limit:  # expect: LL201
            return error
        return tf.sqrt(error)


class CheckedMethod(keras.losses.Loss):
    def _positive(self, x):
        return tf.reduce_sum(x) > 0

    def call(self, y_true, y_pred):
        loss = tf.reduce_mean(tf.square(y_true - y_pred))
        return loss * 2.0 if self._positive(y_true) else loss  # expect: LL201


# -- and, or, not, chained comparison, in


def and_loss(y_true, y_pred):
    mean = tf.reduce_mean(y_pred)
    if mean > 0.2 and mean < 0.8:  # expect: LL202
        return tf.reduce_mean(tf.abs(y_true - y_pred))
    return tf.reduce_mean(tf.square(y_true - y_pred))


def or_loss(y_true, y_pred):
    low, high = tf.reduce_min(y_pred) < 0.0, tf.reduce_max(y_pred) > 1.0
    penalty = tf.where(low or high, 10.0, 1.0)  # expect: LL202
    return penalty * tf.reduce_mean(tf.abs(y_true - y_pred))


def not_loss(y_true, y_pred):
    empty = not tf.reduce_any(y_true > 0.5)  # expect: LL202
    return tf.reduce_mean(tf.abs(y_true - y_pred)) * (1.0 - empty)


def chained_comparison_loss(y_true, y_pred):
    mean = tf.reduce_mean(y_pred)
    if 0.2 < mean < 0.8:  # expect: LL202
        return tf.reduce_mean(tf.abs(y_true - y_pred))
    return tf.reduce_mean(tf.square(y_true - y_pred))


def chained_vector_loss(y_true, y_pred):
    inside = tf.cast(0.3 < y_true < 0.7, tf.float32)  # expect: LL202
    return tf.reduce_mean(inside * tf.abs(y_true - y_pred))


def and_vector_loss(y_true, y_pred):
    hard = tf.where((y_true > 0.5) and (y_pred < 0.5), 2.0, 1.0)  # expect: LL202
    return tf.reduce_mean(hard * tf.abs(y_true - y_pred))


def or_default_loss(y_true, y_pred):
    scale = tf.reduce_max(y_true) or 1.0  # expect: LL202
    return tf.reduce_mean(tf.abs(y_true - y_pred)) / scale


def contains_loss(y_true, y_pred):
    # truth: vector
    weight = 2.0 if 0.25 in y_true else 1.0  # expect: LL203
    return weight * tf.reduce_mean(tf.abs(y_true - y_pred))


# -- loops over tensors


def range_of_dynamic_batch_loss(y_true, y_pred):
    total = tf.constant(0.0)
    for i in range(tf.shape(y_pred)[0]):  # expect: LL204
        total += tf.reduce_mean(tf.abs(y_true[i] - y_pred[i]))
    return total


def tf_range_loss(y_true, y_pred):
    total = 0.0
    for i in tf.range(tf.shape(y_pred)[0]):  # expect: LL203
        total += tf.reduce_mean(tf.square(y_true[i] - y_pred[i]))
    return total


def for_in_tensor_loss(y_true, y_pred):
    total = 0.0
    for row in tf.abs(y_true - y_pred):  # expect: LL203
        total += tf.reduce_max(row)
    return total


def append_in_loop_loss(y_true, y_pred):
    rows = []
    for row in y_pred - y_true:  # expect: LL203
        rows.append(tf.reduce_sum(tf.square(row)))
    return tf.reduce_mean(tf.stack(rows))


def comprehension_loss(y_true, y_pred):
    return tf.add_n([tf.reduce_mean(tf.abs(row)) for row in y_pred - y_true])  # expect: LL203


def generator_loss(y_true, y_pred):
    return sum(tf.reduce_mean(row) for row in tf.abs(y_pred - y_true))  # expect: LL203


def zip_loss(y_true, y_pred):
    total = 0.0
    for t, p in zip(y_true, y_pred):  # expect: LL203
        total += tf.reduce_mean(tf.square(t - p))
    return total


def enumerate_loss(y_true, y_pred):
    total = 0.0
    for i, p in enumerate(y_pred):  # expect: LL203
        total += tf.reduce_mean(tf.abs(y_true[i] - p))
    return total


def unpacking_loss(y_true, y_pred):
    # truth: sequence
    x, y, z, w = y_pred  # expect: LL203
    return tf.reduce_mean(tf.abs(y_true[0] - x) + tf.abs(y_true[1] - y) + tf.abs(z - w))


def starred_loss(y_true, y_pred):
    rows = [*y_pred]  # expect: LL203
    return tf.reduce_mean(tf.abs(tf.stack(rows) - y_true))


def map_builtin_loss(y_true, y_pred):
    return tf.add_n(list(map(tf.reduce_mean, tf.abs(y_true - y_pred))))  # expect: LL203


# -- the user's own tf.function


@tf.function
def converted_if_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    if error > 0.4:
        error = 2.0 * error
    return error


@tf.function
def converted_for_loss(y_true, y_pred):
    total = tf.constant(0.0)
    for i in tf.range(tf.shape(y_pred)[0]):
        total += tf.reduce_mean(tf.abs(y_true[i] - y_pred[i]))
    return total


@tf.function
def converted_float_loss(y_true, y_pred):
    return float(tf.reduce_mean(tf.abs(y_true - y_pred)))


@tf.function
def unconverted_max_loss(y_true, y_pred):
    return max(tf.reduce_mean(tf.abs(y_true - y_pred)), 0.1)  # expect: LL204


@tf.function
def unconverted_assert_loss(y_true, y_pred):
    assert tf.reduce_min(y_pred) >= 0.0  # expect: LL201
    return tf.reduce_mean(tf.abs(y_true - y_pred))


@tf.function
def unconverted_comprehension_loss(y_true, y_pred):
    return tf.add_n([tf.reduce_mean(p) for p in tf.abs(y_pred - y_true)])  # expect: LL203


@tf.function
def unconverted_zip_loss(y_true, y_pred):
    total = 0.0
    for t, p in zip(y_true, y_pred):  # expect: LL203
        total += tf.reduce_mean(tf.abs(t - p))
    return total


@tf.function(autograph=False)
def switched_off_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    if error > 0.4:  # expect: LL201
        error = 2.0 * error
    return error


@tf.function
def converted_gate(x):
    if x > 0.4:
        return 2.0 * x
    return x


def converted_helper_loss(y_true, y_pred):
    return converted_gate(tf.reduce_mean(tf.abs(y_true - y_pred)))


# -- fine


def is_none_loss(y_true, y_pred, sample_weight=None):
    loss = tf.abs(y_true - y_pred)
    if sample_weight is not None:
        loss = loss * sample_weight
    if y_pred == None or y_true is None:  # noqa: E711
        return 0.0
    return tf.reduce_mean(loss)


def static_shape_loss(y_true, y_pred):
    if y_pred.shape[-1] > 1 and len(y_pred.shape) == 2:
        y_pred = y_pred / (1.0 + tf.reduce_sum(y_pred, axis=-1, keepdims=True))
    if y_pred.shape.rank == 2 or y_true.shape.ndims is not None:
        y_true = tf.reshape(y_true, tf.shape(y_pred))
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def int_shape_of_columns_loss(y_true, y_pred):
    columns = K.int_shape(y_pred)[-1]
    loss = 0.0
    for c in range(columns):
        loss = loss + K.mean(K.square(y_true[:, c] - y_pred[:, c]))
    return loss / columns


def elementwise_and_loss(y_true, y_pred):
    inside = (y_true > 0.2) & (y_true < 0.8) | ~(y_pred > 0.1)
    return tf.reduce_mean(tf.cast(inside, tf.float32) * tf.square(y_true - y_pred))


def config_flags_loss(y_true, y_pred, squared=True, from_logits=False, reduction="mean", alpha=0.25):
    if from_logits:
        y_pred = tf.sigmoid(y_pred)
    error = tf.square(y_true - y_pred) if squared else tf.abs(y_true - y_pred)
    if alpha and not from_logits:
        error = alpha * error
    assert reduction in ("mean", "sum")
    return tf.reduce_mean(error) if reduction == "mean" else tf.reduce_sum(error)


def isinstance_loss(y_true, y_pred):
    if not tf.is_tensor(y_pred) or isinstance(y_true, (list, tuple)):
        y_pred = tf.convert_to_tensor(y_pred)
    if y_true.dtype != y_pred.dtype:
        y_true = tf.cast(y_true, y_pred.dtype)
    if tf.executing_eagerly():
        tf.debugging.assert_all_finite(y_pred, "predictions")
    return tf.reduce_mean(tf.square(y_true - y_pred))


def tf_cond_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    return tf.cond(error > 0.4, lambda: 2.0 * error - 0.4, lambda: error)


def tf_where_scalar_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    return tf.where(error > 0.4, 2.0 * error - 0.4, error)


def tf_while_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    _, total = tf.while_loop(lambda i, t: i < 3, lambda i, t: (i + 1, t + error / tf.cast(i + 1, tf.float32)), (0, 0.0))
    return total


def map_fn_loss(y_true, y_pred):
    per_row = tf.map_fn(lambda row: tf.reduce_max(tf.abs(row[0] - row[1])), (y_true, y_pred), fn_output_signature=tf.float32)
    return tf.reduce_mean(per_row)


def vectorized_map_loss(y_true, y_pred):
    return tf.reduce_mean(tf.vectorized_map(lambda row: tf.reduce_sum(tf.square(row)), y_true - y_pred))


def static_loop_loss(y_true, y_pred, shifts=(0, 1, 2)):
    total = 0.0
    for i, s in enumerate(shifts):
        total += tf.reduce_mean(tf.abs(tf.roll(y_true, s, axis=1) - y_pred)) / (i + 1)
    while len(shifts) > 3:
        shifts = shifts[1:]
    return total


def rebound_after_test_loss(y_true, y_pred, alpha=0.25):
    loss = tf.abs(y_true - y_pred)
    if alpha:
        alpha = tf.cast(alpha, y_pred.dtype)
        loss = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * loss
    return tf.reduce_mean(loss)


def assertions_loss(y_true, y_pred):
    with tf.control_dependencies([tf.debugging.assert_greater_equal(y_pred, 0.0)]):
        loss = tf.abs(y_true - y_pred)
    tf.Assert(tf.reduce_all(y_pred <= 1.0), [y_pred])
    return tf.reduce_mean(loss)


def list_truth_loss(y_true, y_pred):
    terms = [tf.reduce_mean(tf.abs(y_true - y_pred))]
    extra = []
    if terms and not extra:
        terms = terms + [tf.reduce_mean(tf.square(y_true - y_pred))]
    return tf.add_n(terms)


def tensor_or_none_loss(y_true, y_pred, weights=None):
    weights = weights or [1.0, 0.5, 0.25]
    return tf.reduce_mean(weights * tf.abs(y_true - y_pred))


def condition_built_by_helper_loss(y_true, y_pred):
    def multi_column(t):
        return t.shape[-1] is not None and t.shape[-1] > 1

    loss = tf.abs(y_true - y_pred)
    return tf.reduce_sum(loss, axis=-1) if multi_column(y_pred) else loss
