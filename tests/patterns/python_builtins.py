# mypy: ignore-errors
"""Python's own functions and conversions on tensors."""

import builtins
import math
from functools import reduce
from operator import add

import tensorflow as tf
from tensorflow import keras

HISTORY = []
best_so_far = tf.Variable(1e9, trainable=False)
running_mean = tf.Variable(0.0, trainable=False)


# -- max, min, sum, round, sorted, any, all, bool


def max_scalar_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred))
    return max(error, 0.0)  # expect: LL204


def max_float_first_loss(y_true, y_pred):
    gap = tf.reduce_mean(y_pred) - tf.reduce_mean(y_true)
    return max(0.0, gap + 1.0)  # expect: LL204


def max_vector_loss(y_true, y_pred):
    return tf.reduce_mean(max(0.2 - y_true * y_pred, 0.0))  # expect: LL204


def max_of_one_tensor_loss(y_true, y_pred):
    # truth: vector
    return max(tf.abs(y_true - y_pred))  # expect: LL204


def min_of_two_losses(y_true, y_pred):
    direct = tf.reduce_mean(tf.abs(y_true - y_pred))
    flipped = tf.reduce_mean(tf.abs(1.0 - y_true - y_pred))
    return min(direct, flipped)  # expect: LL204


def min_of_list_loss(y_true, y_pred):
    candidates = [tf.reduce_mean(tf.abs(y_true - shift - y_pred)) for shift in (-1.0, 0.0, 1.0)]
    return min(candidates)  # expect: LL204


def max_in_helper(a, b):
    return max(a - b, 0.1)  # expect: LL204


def max_through_helper_loss(y_true, y_pred):
    pos = tf.reduce_mean(tf.abs(y_true - y_pred))
    neg = tf.reduce_mean(tf.abs(1.0 - y_true - y_pred))
    return max_in_helper(pos, neg) + pos


def builtin_sum_loss(y_true, y_pred):
    return sum(tf.abs(y_true - y_pred)) / 3.0  # expect: LL204


def builtin_sum_of_column_loss(y_true, y_pred):
    return sum(tf.square(y_true[:, 0] - y_pred[:, 0]))  # expect: LL204


def builtin_round_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - round(y_pred)))  # expect: LL204


def builtin_sorted_loss(y_true, y_pred):
    # truth: vector
    ranked = sorted(tf.abs(y_true - y_pred))  # expect: LL204
    return ranked[0]


def builtin_any_loss(y_true, y_pred):
    # truth: vector
    scale = 2.0 if any(y_true > 0.9) else 1.0  # expect: LL204
    return scale * tf.reduce_mean(tf.abs(y_true - y_pred))


def bool_call_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    too_large = bool(error > 0.5)  # expect: LL201
    return error * (1 + too_large)


def len_of_prediction_loss(y_true, y_pred):
    return tf.reduce_sum(tf.square(y_true - y_pred)) / len(y_pred)  # expect: LL204


def len_of_label_loss(y_true, y_pred):
    n = len(y_true)  # expect: LL204
    return tf.reduce_sum(tf.abs(y_true - y_pred)) / n


def list_of_tensor_loss(y_true, y_pred):
    rows = list(y_pred)  # expect: LL203
    return tf.reduce_mean(tf.abs(tf.stack(rows) - y_true))


# -- float, int, math, numpy(), item(), tolist()


def float_loss(y_true, y_pred):
    return float(tf.reduce_mean(tf.square(y_true - y_pred)))  # expect: LL102


def float_factor_loss(y_true, y_pred):
    mse = tf.reduce_mean(tf.square(y_true - y_pred))
    return mse * float(mse)  # expect: LL102


def int_loss(y_true, y_pred):
    return 1.0 * int(tf.reduce_sum(10.0 * tf.abs(y_true - y_pred)))  # expect: LL102


def int_count_loss(y_true, y_pred):
    positives = int(tf.reduce_sum(tf.cast(y_true > 0.5, tf.int32)))  # expect: LL102
    return tf.reduce_sum(tf.abs(y_true - y_pred)) / (positives + 1)


def numpy_method_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred.numpy()))  # expect: LL102


def numpy_method_mean_loss(y_true, y_pred):
    return tf.square(y_true - y_pred).numpy().mean()  # expect: LL102


def numpy_label_weight_loss(y_true, y_pred):
    weight = 1.0 + y_true.numpy()  # expect: LL102
    return tf.reduce_mean(weight * tf.square(y_true - y_pred))


def numpy_tolist_loss(y_true, y_pred):
    # truth: vector
    errors = tf.abs(y_true - y_pred).numpy().tolist()  # expect: LL102
    return sum(errors)


def history_append_loss(y_true, y_pred):
    loss = tf.reduce_mean(tf.abs(y_true - y_pred))
    HISTORY.append(loss.numpy())  # expect: LL102
    return loss


def f_string_loss(y_true, y_pred):
    loss = tf.reduce_mean(tf.abs(y_true - y_pred))
    print(f"loss {float(loss):.3f}")  # expect: LL102
    return loss


def math_log_loss(y_true, y_pred):
    ratio = tf.reduce_mean(y_pred) / tf.reduce_mean(y_true)
    return math.log(ratio) ** 2  # expect: LL103


def math_sqrt_loss(y_true, y_pred):
    return math.sqrt(tf.reduce_mean(tf.square(y_true - y_pred)))  # expect: LL103


def math_exp_factor_loss(y_true, y_pred):
    mse = tf.reduce_mean(tf.square(y_true - y_pred))
    return mse * math.exp(mse)  # expect: LL103


def math_in_helper_loss(y_true, y_pred):
    def log2(x):
        return math.log(x, 2)  # expect: LL103

    return log2(1.0 + tf.reduce_mean(tf.abs(y_true - y_pred)))


def math_isnan_loss(y_true, y_pred):
    loss = tf.reduce_mean(tf.abs(y_true - y_pred))
    if math.isnan(loss):  # expect: LL103
        return tf.reduce_sum(y_pred) * 0.0
    return loss


def math_fabs_comprehension_loss(y_true, y_pred):
    # truth: vector
    return sum([math.fabs(p) for p in tf.unstack(y_pred - y_true)])  # expect: LL103, LL205


# -- tensors remade or assigned


def tf_constant_loss(y_true, y_pred):
    guess = tf.constant(y_pred)  # expect: LL108
    return tf.reduce_mean(tf.abs(y_true - guess))


def tf_constant_list_loss(y_true, y_pred):
    terms = tf.constant([tf.reduce_mean(y_pred), tf.reduce_mean(y_true)])  # expect: LL108
    return tf.reduce_max(terms)


def variable_from_tensor_loss(y_true, y_pred):
    guess = tf.Variable(y_pred)  # expect: LL108
    return tf.reduce_mean(tf.square(y_true - guess))


def variable_accumulator_loss(y_true, y_pred):
    total = tf.Variable(0.0)  # expect: LL208
    for c in range(3):
        total.assign_add(tf.reduce_mean(tf.abs(y_true[:, c] - y_pred[:, c])))
    return total


def assigned_variable_loss(y_true, y_pred):
    best_so_far.assign(tf.reduce_mean(tf.abs(y_true - y_pred)))  # expect: LL108
    return best_so_far * 2.0


def assigned_value_loss(y_true, y_pred):
    return running_mean.assign(tf.reduce_mean(tf.square(y_true - y_pred)))  # expect: LL108


def variable_constant_loss(y_true, y_pred):
    scale = tf.Variable(2.0)  # expect: LL208
    return scale * tf.reduce_mean(tf.abs(y_true - y_pred))


# -- NumPy habits


def item_assignment_loss(y_true, y_pred):
    error = tf.abs(y_true - y_pred)
    error[:, 0] = 0.0  # expect: LL206
    return tf.reduce_mean(error)


def masked_assignment_loss(y_true, y_pred):
    weights = tf.ones_like(y_true)
    weights[y_true > 0.5] = 3.0  # expect: LL206
    return tf.reduce_mean(weights * tf.square(y_true - y_pred))


def augmented_item_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    error[:, -1] *= 2.0  # expect: LL206
    return tf.reduce_sum(error)


def mean_method_loss(y_true, y_pred):
    return tf.square(y_true - y_pred).mean()  # expect: LL206


def item_method_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred)).item()  # expect: LL102


def transpose_attribute_loss(y_true, y_pred):
    return tf.reduce_mean(tf.matmul(y_pred.T, y_true))  # expect: LL206


def astype_loss(y_true, y_pred):
    mask = (y_true > 0.5).astype("float32")  # expect: LL206
    return tf.reduce_mean(mask * tf.abs(y_true - y_pred))


def reshape_method_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true.reshape(-1) - tf.reshape(y_pred, [-1])))  # expect: LL206


def sum_method_loss(y_true, y_pred):
    inter = (y_true * y_pred).sum(axis=-1)  # expect: LL206
    return 1.0 - tf.reduce_mean(inter)


def flatten_method_loss(y_true, y_pred):
    t, p = tf.reshape(y_true, [-1]), y_pred.flatten()  # expect: LL206
    return tf.reduce_mean(tf.abs(t - p))


class ClippedMethod(keras.losses.Loss):
    def call(self, y_true, y_pred):
        y_pred = y_pred.clip(1e-7, 1.0)  # expect: LL206
        return -tf.reduce_mean(y_true * tf.math.log(y_pred))


# -- fine


def abs_pow_loss(y_true, y_pred):
    return tf.reduce_mean(pow(abs(y_true - y_pred), 2))


def sum_of_list_loss(y_true, y_pred):
    terms = [tf.reduce_mean(tf.abs(y_true[:, c] - y_pred[:, c])) for c in range(3)]
    return sum(terms) / len(terms)


def sum_of_generator_loss(y_true, y_pred, powers=(1, 2)):
    return sum(tf.reduce_mean(tf.abs(y_true - y_pred) ** p) for p in powers)


def reduce_of_list_loss(y_true, y_pred):
    terms = [w * tf.reduce_mean(tf.abs(y_true - y_pred)) for w in (0.5, 0.25)]
    return reduce(add, terms)


def builtins_module_loss(y_true, y_pred):
    return builtins.sum([tf.reduce_mean(tf.abs(y_true - y_pred)), 1.0])


def zip_of_lists_loss(y_true, y_pred):
    trues, preds = tf.split(y_true, 3, axis=-1), tf.split(y_pred, 3, axis=-1)
    return tf.add_n([w * tf.reduce_mean(tf.abs(t - p)) for w, t, p in zip((1.0, 2.0, 3.0), trues, preds)])


def enumerate_of_unstack_loss(y_true, y_pred):
    total = 0.0
    for i, column in enumerate(tf.unstack(tf.square(y_true - y_pred), axis=-1)):
        total += (i + 1) * tf.reduce_mean(column)
    return total


def convert_to_tensor_loss(y_true, y_pred):
    y_pred = tf.convert_to_tensor(y_pred)
    y_true = tf.convert_to_tensor(y_true, dtype=y_pred.dtype)
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def packed_list_loss(y_true, y_pred):
    terms = tf.convert_to_tensor([tf.reduce_mean(tf.abs(y_true - y_pred)), tf.reduce_mean(tf.square(y_true - y_pred))])
    return tf.reduce_sum(terms * [0.3, 0.7])


def counted_calls_loss(y_true, y_pred):
    loss = tf.reduce_mean(tf.abs(y_true - y_pred))
    running_mean.assign_add(loss)
    return loss


def int_of_shape_loss(y_true, y_pred):
    width = int(y_pred.shape[-1])
    return tf.reduce_sum(tf.abs(y_true - y_pred), axis=-1) / float(width)


def float_of_config_loss(y_true, y_pred, scale="0.5"):
    return float(scale) * tf.reduce_mean(tf.abs(y_true - y_pred)) + max(0.0, float(scale))


def math_of_config_loss(y_true, y_pred, sigma=0.2):
    return tf.reduce_mean(tf.square(y_true - y_pred)) / (2 * sigma**2) + math.log(sigma * math.sqrt(2 * math.pi))


def max_of_static_shape_loss(y_true, y_pred):
    n = max(y_pred.shape[-1], 1)
    return tf.reduce_sum(tf.abs(y_true - y_pred)) / (n * round(1.0))


def tf_print_loss(y_true, y_pred):
    loss = tf.reduce_mean(tf.abs(y_true - y_pred))
    tf.print("loss:", loss, "largest:", tf.reduce_max(y_pred))
    return loss


def printed_tensor_loss(y_true, y_pred):
    print("tracing with", y_pred.shape, y_pred.dtype, y_pred)
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def stacked_terms_loss(y_true, y_pred):
    terms = {"l1": tf.reduce_mean(tf.abs(y_true - y_pred)), "l2": tf.reduce_mean(tf.square(y_true - y_pred))}
    terms["l1"] = 0.1 * terms["l1"]
    return tf.add_n(list(terms.values()))


def slices_loss(y_true, y_pred):
    first, *rest = tf.split(tf.abs(y_true - y_pred), 3, axis=1)
    return tf.reduce_mean(first) + sum(tf.reduce_mean(r) for r in rest)


def list_item_assignment_loss(y_true, y_pred):
    columns = tf.unstack(tf.abs(y_true - y_pred), axis=-1)
    columns[0] = 2.0 * columns[0]
    return tf.reduce_mean(tf.stack(columns, axis=-1))
