# mypy: ignore-errors
"""Statements beside the loss, offsets that need no gradient, and predictions that arrive by another way."""

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K

accuracy = keras.metrics.BinaryAccuracy()
average = tf.Variable(0.0, trainable=False)
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, kernel_regularizer="l2")])
seen_shapes = []


# -- statements that do something


def metric_update_loss(y_true, y_pred):
    # truth: binary
    accuracy.update_state(y_true, tf.round(y_pred))
    return K.mean(K.binary_crossentropy(y_true, y_pred))


def print_tensor_loss(y_true, y_pred):
    tf.print("rounded", tf.round(y_pred), summarize=3)
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def assignments_loss(y_true, y_pred):
    average.assign(0.9 * average + 0.1 * tf.reduce_mean(y_pred))
    seen_shapes.append(y_pred.shape)
    seen_shapes.sort(key=len)
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def asserting_loss(y_true, y_pred):
    tf.debugging.assert_equal(tf.shape(y_true), tf.shape(y_pred))
    tf.debugging.assert_rank(y_pred, 2)
    tf.debugging.assert_shapes([(y_true, ("b", "n")), (y_pred, ("b", "n"))])
    tf.compat.v1.assert_non_negative(y_pred)
    tf.debugging.Assert(tf.reduce_all(y_pred >= 0.0), [y_pred])
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def comprehension_statement_loss(y_true, y_pred):
    [tf.print(c) for c in range(2)]
    _ = tf.reduce_max(y_pred)
    ...
    return tf.reduce_mean(tf.abs(y_true - y_pred))


def unused_values_loss(y_true, y_pred):
    hard = tf.round(y_pred)
    hits = tf.reduce_sum(tf.cast(tf.equal(hard, tf.round(y_true)), tf.float32))
    tf.print("hits", hits)
    return tf.reduce_mean(tf.square(y_true - y_pred))


# -- offsets and factors that need no gradient


def size_offset_loss(y_true, y_pred):
    n = tf.cast(tf.size(y_pred), tf.float32)
    return tf.reduce_mean(tf.abs(y_true - y_pred)) + 1e-3 * n


def count_factor_loss(y_true, y_pred):
    wrong = tf.reduce_sum(tf.cast(tf.abs(y_true - y_pred) > 0.5, tf.float32))
    return (1.0 + wrong) * tf.reduce_mean(tf.square(y_true - y_pred))


def label_entropy_loss(y_true, y_pred):
    # truth: onehot
    entropy = -tf.reduce_sum(y_true * tf.math.log(y_true + 1e-7), axis=-1)
    return entropy - tf.reduce_sum(y_true * tf.math.log(y_pred + 1e-7), axis=-1)


def regularised_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred)) + tf.add_n(model.losses)


def zero_times_loss(y_true, y_pred):
    logged = tf.reduce_mean(tf.round(y_pred))
    return tf.reduce_mean(tf.square(y_true - y_pred)) + 0.0 * logged


def hard_negative_weight_loss(y_true, y_pred):
    # truth: binary
    ce = K.binary_crossentropy(y_true, y_pred)
    hard = tf.cast(tf.greater(ce, tf.reduce_mean(ce)), tf.float32)
    return tf.reduce_sum(hard * ce) / (tf.reduce_sum(hard) + 1.0)


def masked_complement_loss(y_true, y_pred):
    inside = tf.cast(tf.abs(y_true - y_pred) < 0.5, tf.float32)
    return tf.reduce_mean(inside * tf.square(y_true - y_pred) + (1.0 - inside) * 0.25)


def selected_by_index_loss(y_true, y_pred):
    order = tf.argsort(tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1))
    kept = tf.gather(tf.abs(y_true - y_pred), order[:2])
    return tf.reduce_mean(kept)


# -- the prediction is used in another way


def unpacked_prediction_loss(y_true, y_pred):
    parts = tf.unstack(y_pred, axis=-1)
    target, *_ = tf.unstack(y_true, axis=-1)
    return tf.reduce_mean(tf.square(target - parts[1]))


def in_closure_loss(y_true, y_pred):
    def error():
        return y_true - y_pred

    return tf.reduce_mean(tf.square(error()))


def in_default_loss(y_true, y_pred):
    error = lambda p=y_pred: tf.abs(y_true - p)
    return tf.reduce_mean(error())


def in_attribute_loss(y_true, y_pred):
    class Box:
        pass

    box = Box()
    box.error = tf.abs(y_true - y_pred)
    return tf.reduce_mean(box.error)


def in_zip_loss(y_true, y_pred):
    pairs = list(zip(tf.unstack(y_true, axis=-1), tf.unstack(y_pred, axis=-1)))
    return tf.add_n([tf.reduce_mean(tf.square(t - p)) for t, p in pairs])


def in_dictionary_loss(y_true, y_pred):
    terms = {}
    terms["l1"] = tf.reduce_mean(tf.abs(y_true - y_pred))
    terms.update(l2=tf.reduce_mean(tf.square(y_true - y_pred)))
    terms.setdefault("l3", tf.constant(0.0))
    return sum(terms.values())


def in_string_key_loss(y_true, y_pred):
    values = {f"c{i}": tf.reduce_mean(tf.abs(y_true[:, i] - y_pred[:, i])) for i in range(3)}
    return tf.add_n([values[f"c{i}"] for i in range(3)])


def sorted_dictionary_loss(y_true, y_pred):
    values = {"b": tf.reduce_mean(tf.abs(y_true - y_pred)), "a": tf.reduce_mean(tf.square(y_true - y_pred))}
    total = 0.0
    for name in sorted(values):
        total += values[name]
    for name, value in values.items():
        total += 0.1 * value
    return total


def sorted_items_loss(y_true, y_pred):
    values = {"b": tf.reduce_mean(tf.abs(y_true - y_pred)), "a": tf.reduce_mean(tf.square(y_true - y_pred))}
    total = 0.0
    for name, value in sorted(values.items()):
        total += value
    longest = max(values, key=len)
    return total + 0.1 * values[longest] + 0.1 * values[min(values)]


def starred_assignment_loss(y_true, y_pred):
    *_, last = tf.split(y_pred, 3, axis=-1)
    return tf.reduce_mean(tf.abs(y_true[:, -1:] - last))


def shadowed_builtin_loss(y_true, y_pred):
    sum = tf.reduce_sum
    max, min = tf.maximum, tf.reduce_min
    return sum(max(tf.abs(y_true - y_pred), 0.1)) + min(tf.square(y_pred))


def shadowed_round_loss(y_true, y_pred):
    from tensorflow.math import round

    return tf.reduce_mean(tf.abs(y_true - round(y_pred)))  # expect: LL105


def recursion_over_list_loss(y_true, y_pred):
    def total(terms):
        if not terms:
            return 0.0
        return terms[0] + total(terms[1:])

    return total([tf.reduce_mean(tf.abs(y_true - y_pred)), tf.reduce_mean(tf.square(y_true - y_pred))])


def generator_function_loss(y_true, y_pred):
    def terms():
        for c in range(3):
            yield tf.reduce_mean(tf.abs(y_true[:, c] - y_pred[:, c]))

    return sum(terms())


def generator_cut_loss(y_true, y_pred):
    def terms():
        for c in range(3):
            yield tf.reduce_mean(tf.abs(y_true[:, c] - tf.round(y_pred[:, c])))  # expect: LL105

    return sum(terms())


def accumulated_by_list_loss(y_true, y_pred):
    total = []
    for c in range(3):
        error = y_true[:, c] - y_pred[:, c]
        if c == 1:
            continue
        total += [tf.reduce_mean(tf.square(error))]
        if len(total) == 2:
            break
    else:
        total = [tf.constant(0.0)]
    return tf.add_n(total)


def train():
    model.compile("adam", loss=regularised_loss, metrics=[accuracy])
