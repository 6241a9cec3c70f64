# mypy: ignore-errors
"""How losses are built: factories, partials, lambdas, classes, nested functions, loops that make losses."""

import functools
from dataclasses import dataclass
from functools import partial
from typing import Callable

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K
from tensorflow.keras.losses import Loss


# -- factories


def make_hard_loss(threshold=0.5):
    def hard_loss(y_true, y_pred):
        mask = tf.cast(y_pred > threshold, tf.float32)  # expect: LL106
        return tf.reduce_mean(tf.abs(y_true - mask))

    return hard_loss


hard_loss_half = make_hard_loss()


def make_optional_round_loss(rounded):
    def loss(y_true, y_pred):
        if rounded:
            y_pred = tf.round(y_pred)  # expect: LL105
        return tf.reduce_mean(tf.abs(y_true - y_pred))

    return loss


rounding_loss = make_optional_round_loss(True)


def round_if_needed(x, threshold):
    if threshold is not None:
        x = tf.cast(x > threshold, tf.float32)
    return x


def soft_jaccard_loss(y_true, y_pred, threshold=None):
    # truth: mask
    y_pred = round_if_needed(y_pred, threshold)
    inter = tf.reduce_sum(y_true * y_pred)
    return 1.0 - (inter + 1.0) / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred) - inter + 1.0)


def weighted(loss_fn: Callable, weights):
    def loss(y_true, y_pred):
        return tf.reduce_sum(weights * loss_fn(y_true, y_pred))

    return loss


weighted_mse = weighted(lambda t, p: tf.reduce_mean(tf.square(t - p), axis=0), [1.0, 2.0, 3.0])
weighted_rounding = weighted(lambda t, p: tf.reduce_mean(tf.abs(t - tf.round(p)), axis=0), [1.0, 2.0, 3.0])  # expect: LL105


def default_closure_loss(y_true, y_pred, scale=2.0, axis=-1, op=tf.reduce_mean):
    return scale * op(tf.square(y_true - y_pred), axis=axis)


def make_configured_loss(kind="l1", reduce=True):
    if kind == "l1":
        def base(t, p):
            return tf.abs(t - p)
    else:
        def base(t, p):
            return tf.square(t - p)

    def configured_loss(y_true, y_pred):
        value = base(y_true, y_pred)
        return tf.reduce_mean(value) if reduce else value

    return configured_loss


l1_loss = make_configured_loss("l1")
l2_loss = make_configured_loss("l2", reduce=False)


def make_step_loss(edges):
    edges = list(edges)

    def step_loss(y_true, y_pred):
        total = 0.0
        for e in edges:
            total += tf.reduce_mean(tf.cast(y_pred > e, tf.float32))  # expect: LL106
        return total

    return step_loss


three_steps = make_step_loss((0.25, 0.5, 0.75))


# -- partials and lambdas


def gamma_error(y_true, y_pred, gamma, hard):
    p = tf.round(y_pred) if hard else y_pred
    return tf.reduce_mean((tf.abs(y_true - p) + 0.01) ** gamma)


soft_gamma = partial(gamma_error, gamma=1.5, hard=False)


def indexed_error(index, y_true, y_pred):
    return tf.reduce_mean(tf.cast(y_pred[:, index] > 0.5, tf.float32))  # expect: LL106


first_column = functools.partial(indexed_error, 0)
clipped_log = lambda y_true, y_pred: -tf.reduce_mean(y_true * tf.math.log(tf.clip_by_value(y_pred, 1e-7, 1.0)))
counted = lambda y_true, y_pred: tf.reduce_mean(tf.cast(tf.argmax(y_pred, -1), tf.float32))  # expect: LL105


# -- nested functions, star arguments, early returns, containers


def nested_functions_loss(y_true, y_pred):
    def centred(t):
        def mean(u):
            return tf.reduce_mean(u, axis=0, keepdims=True)

        return t - mean(t)

    return tf.reduce_mean(tf.square(centred(y_true) - centred(y_pred)))


def nested_cut_loss(y_true, y_pred):
    def quantise(levels):
        def apply(t):
            return tf.round(t * levels) / levels  # expect: LL105

        return apply

    return tf.reduce_mean(tf.square(y_true - quantise(4)(y_pred)))


def combine(*terms, weights=None, **options):
    weights = weights or [1.0] * len(terms)
    total = tf.add_n([w * t for w, t in zip(weights, terms)])
    return tf.reduce_mean(total) if options.get("mean", True) else total


def star_arguments_loss(y_true, y_pred):
    terms = [tf.abs(y_true - y_pred), tf.square(y_true - y_pred)]
    return combine(*terms, weights=(0.5, 0.5), mean=True)


def star_cut_loss(y_true, y_pred):
    terms = [tf.round(y_pred), tf.floor(y_pred)]  # expect: LL105
    return combine(*terms, **{"mean": True})


def unpacked_inputs_loss(y_true, y_pred):
    # truth: long
    (mean, log_var), target = tf.split(y_pred, 2, axis=-1), y_true[:, :4]
    return tf.reduce_mean(tf.square(target - mean) * tf.exp(-log_var) + log_var)


def sliced_outputs_loss(y_true, y_pred):
    # truth: long
    box, score = y_pred[..., :4], y_pred[..., 4:]
    found = y_true[..., 4:]
    return tf.reduce_mean(tf.abs(y_true[..., :4] - box)) + tf.reduce_mean(tf.square(found - score))


def early_config_return_loss(y_true, y_pred, power=2):
    if power == 1:
        return tf.reduce_mean(tf.abs(y_true - y_pred))
    if power == 2:
        return tf.reduce_mean(tf.square(y_true - y_pred))
    raise ValueError(f"unknown power {power}")


def hidden_in_dict_loss(y_true, y_pred):
    parts = dict(error=tf.abs(y_true - y_pred), hard=tf.cast(y_pred > 0.5, tf.float32))
    return tf.reduce_mean(parts["error"]) + 0.0 * tf.reduce_mean(y_true)


def dict_of_cut_loss(y_true, y_pred):
    parts = {"soft": y_pred, "hard": tf.round(y_pred)}  # expect: LL105
    return tf.reduce_mean(tf.abs(y_true - parts["hard"]))


def list_of_cut_loss(y_true, y_pred):
    stages = [y_pred]
    for _ in range(2):
        stages.append(tf.floor(stages[-1] * 2.0))  # expect: LL105
    return tf.reduce_mean(tf.abs(y_true - stages[-1]))


def returned_pair(y_true, y_pred):
    error = tf.abs(y_true - y_pred)
    return error, tf.cast(error < 0.1, tf.float32)  # expect: LL106


def second_of_pair_loss(y_true, y_pred):
    _, hits = returned_pair(y_true, y_pred)
    return 1.0 - tf.reduce_mean(hits)


def first_of_pair_loss(y_true, y_pred):
    def pair(t, p):
        return tf.abs(t - p), tf.round(p)

    error, _ = pair(y_true, y_pred)
    return tf.reduce_mean(error)


def walrus_loss(y_true, y_pred):
    return tf.reduce_mean((e := y_true - y_pred) * e)


def recursive_loss(y_true, y_pred):
    # truth: long
    def pyramid(t, p, depth):
        here = tf.reduce_mean(tf.abs(t - p))
        if depth == 0:
            return here
        return here + pyramid(t[:, ::2], p[:, ::2], depth - 1)

    return pyramid(y_true, y_pred, 2)


# -- classes


class ScaledLoss(Loss):
    def __init__(self, scale=2.0, reduction="sum_over_batch_size", name="scaled"):
        super().__init__(reduction=reduction, name=name)
        self.scale = tf.constant(scale)
        self.inner = keras.losses.MeanAbsoluteError(reduction="none")

    def call(self, y_true, y_pred):
        return self.scale * self.inner(y_true, y_pred)


class BaseRounded(Loss):
    def transform(self, t):
        return t

    def call(self, y_true, y_pred):
        return tf.reduce_mean(tf.abs(y_true - self.transform(y_pred)), axis=-1)


class Rounded(BaseRounded):
    def transform(self, t):
        return tf.round(t)  # expect: LL105


class WithProperty(Loss):
    def __init__(self, level=0.5):
        super().__init__()
        self._level = level

    @property
    def level(self):
        return self._level

    @staticmethod
    def step(t, level):
        return tf.cast(t > level, tf.float32)  # expect: LL106

    def call(self, y_true, y_pred):
        return tf.reduce_mean(tf.square(y_true - self.step(y_pred, self.level)), axis=-1)


class Composite(Loss):
    def __init__(self, losses=("mse", "mae"), weights=(1.0, 0.5)):
        super().__init__()
        self.parts = [keras.losses.get(name) for name in losses]
        self.weights = weights

    def call(self, y_true, y_pred):
        return tf.add_n([w * part(y_true, y_pred) for w, part in zip(self.weights, self.parts)])


class SuperCall(keras.losses.BinaryCrossentropy):
    def call(self, y_true, y_pred):
        # truth: binary
        base = super().call(y_true, y_pred)
        return base + tf.reduce_mean(tf.cast(y_pred > 0.5, tf.float32), axis=-1)  # expect: LL112


class CallableLoss:
    def __init__(self, hard=True):
        self.hard = hard

    def __call__(self, y_true, y_pred):
        error = tf.abs(y_true - y_pred)
        if self.hard:
            error = tf.cast(error > 0.1, tf.float32)  # expect: LL106
        return tf.reduce_mean(error)


@dataclass
class Settings:
    delta: float = 0.3
    round_targets: bool = False


SETTINGS = Settings()


def settings_loss(y_true, y_pred):
    if SETTINGS.round_targets:
        y_true = tf.round(y_true)
    e = tf.abs(y_true - y_pred)
    return tf.reduce_mean(tf.where(e < SETTINGS.delta, 0.5 * e * e / SETTINGS.delta, e - 0.5 * SETTINGS.delta))


class Losses:
    """A plain namespace of losses."""

    def __init__(self, smooth=1.0):
        self.smooth = smooth

    def dice_loss(self, y_true, y_pred):
        inter = tf.reduce_sum(y_true * y_pred)
        return 1.0 - (2.0 * inter + self.smooth) / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred) + self.smooth)

    @staticmethod
    def hard_loss(y_true, y_pred):
        return tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)))  # expect: LL105

    @classmethod
    def from_hard_loss(cls, y_true, y_pred):
        return 2.0 * cls.hard_loss(y_true, y_pred)


# -- made in a loop


def tilted(q, y, f):
    e = y - f
    return tf.reduce_mean(tf.maximum(q * e, (q - 1.0) * e))


by_quantile = {}
for q in (0.1, 0.5, 0.9):
    by_quantile[q] = lambda y, f: tilted(q, y, f)  # expect: LL210

by_column = [lambda y, f: K.mean(K.abs(y[:, i] - f[:, i])) for i in range(3)]  # expect: LL210

per_width = []
for width in (1.0, 2.0):
    def width_loss(y_true, y_pred):
        return tf.reduce_mean(tf.square((y_true - y_pred) / width))  # expect: LL210

    per_width.append(width_loss)

bound_by_default = [lambda y, f, q=q: tilted(q, y, f) for q in (0.1, 0.5, 0.9)]
bound_by_partial = {q: partial(tilted, q) for q in (0.1, 0.5, 0.9)}


def pinball(q):
    return lambda y_true, y_pred: tilted(q, y_true, y_pred)


bound_by_factory = [pinball(q) for q in (0.1, 0.5, 0.9)]


def train(x, y):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [keras.layers.Dense(3)(inputs) for _ in range(3)])
    model.compile("adam", loss=list(by_quantile.values()))
    model.compile("adam", loss=by_column)
    model.compile("adam", loss=per_width)
    model.compile("adam", loss=bound_by_default)
    model.compile("adam", loss=list(bound_by_partial.values()))
    model.compile("adam", loss=bound_by_factory)
    model.compile("adam", loss=CallableLoss())
    model.compile("adam", loss=[first_column, clipped_log, counted])
    model.compile("adam", loss=[weighted_mse, weighted_rounding, soft_gamma])
    model.compile("adam", loss=Losses().dice_loss)
