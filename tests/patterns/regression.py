# mypy: ignore-errors
"""Regression, distributions, survival, ranking, finance."""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K

QUANTILES = [0.1, 0.5, 0.9]


def quantile_loss(q, y, f):
    e = y - f
    return K.mean(K.maximum(q * e, (q - 1) * e), axis=-1)


def all_quantiles_loss(y_true, y_pred):
    return sum(quantile_loss(q, y_true[:, i], y_pred[:, i]) for i, q in enumerate(QUANTILES))


def quantile_if_loss(y_true, y_pred, q=0.9):
    # truth: real column
    e = tf.reduce_mean(y_true - y_pred)
    if e >= 0:  # expect: LL201
        return q * e
    return (q - 1) * e


def quantile_coverage_loss(y_true, y_pred):
    inside = (y_true[:, 0] > y_pred[:, 0]) & (y_true[:, 0] < y_pred[:, 2])  # expect: LL106
    return tf.square(0.8 - tf.reduce_mean(tf.cast(inside, tf.float32)))


def quantile_and_coverage_loss(y_true, y_pred):
    pinball = all_quantiles_loss(y_true, y_pred)
    below = tf.cast(y_true[:, 0] < y_pred[:, 2], tf.float32)  # expect: LL112
    return tf.reduce_mean(pinball) + tf.abs(0.9 - tf.reduce_mean(below))


def crps_gaussian_loss(y_true, y_pred):
    mu, sigma = y_pred[:, 0], tf.nn.softplus(y_pred[:, 1]) + 1e-3
    z = (y_true[:, 0] - mu) / sigma
    pdf = tf.exp(-0.5 * tf.square(z)) / np.sqrt(2.0 * np.pi)
    cdf = 0.5 * (1.0 + tf.math.erf(z / np.sqrt(2.0)))
    return tf.reduce_mean(sigma * (z * (2.0 * cdf - 1.0) + 2.0 * pdf - 1.0 / np.sqrt(np.pi)))


def crps_step_loss(y_true, y_pred):
    # truth: long
    grid = tf.linspace(0.0, 1.0, 11)
    members = y_pred[:, :, None]
    cdf = tf.reduce_mean(tf.cast(members <= grid, tf.float32), axis=1)  # expect: LL106
    step = tf.cast(y_true[:, :1] <= grid, tf.float32)
    return tf.reduce_mean(tf.square(cdf - step))


def ensemble_crps_loss(y_true, y_pred):
    # truth: long
    skill = tf.reduce_mean(tf.abs(y_pred - y_true[:, :1]), axis=-1)
    spread = tf.reduce_mean(tf.abs(y_pred[:, :, None] - y_pred[:, None, :]), axis=[1, 2])
    return tf.reduce_mean(skill - 0.5 * spread)


def gaussian_nll_loss(y_true, y_pred):
    mu, sigma = y_pred[:, :1], K.softplus(y_pred[:, 1:2]) + 1e-3
    return K.mean(K.log(sigma) + 0.5 * K.square((y_true[:, :1] - mu) / sigma)) + 0.5 * np.log(2 * np.pi)


def np_gaussian_nll_loss(y_true, y_pred):
    mu, sigma = y_pred[:, :1], K.softplus(y_pred[:, 1:2]) + 1e-3
    return K.mean(np.log(sigma) + 0.5 * K.square((y_true[:, :1] - mu) / sigma))  # expect: LL101


def poisson_nll_loss(y_true, y_pred):
    rate = tf.nn.softplus(y_pred) + 1e-6
    return tf.reduce_mean(rate - y_true * tf.math.log(rate) + tf.math.lgamma(y_true + 1.0))


def cox_loss(y_true, y_pred):
    # truth: long
    time, event, risk = y_true[:, 0], tf.round(y_true[:, 1]), y_pred[:, 0]
    order = tf.argsort(time, direction="DESCENDING")
    risk, event = tf.gather(risk, order), tf.gather(event, order)
    log_cumulative = tf.math.cumulative_logsumexp(risk)
    return -tf.reduce_sum(event * (risk - log_cumulative)) / tf.maximum(tf.reduce_sum(event), 1.0)


def cox_sorted_by_risk_loss(y_true, y_pred):
    # truth: long
    order = tf.argsort(y_pred[:, 0])  # expect: LL105
    time = tf.gather(y_true[:, 0], order)
    return -tf.reduce_mean(time[1:] - time[:-1])


def concordance_loss(y_true, y_pred):
    # truth: long
    time, risk = y_true[:, 0], y_pred[:, 0]
    comparable = tf.cast(time[:, None] < time[None, :], tf.float32)
    ordered = tf.cast(risk[:, None] > risk[None, :], tf.float32)  # expect: LL106
    return 1.0 - tf.reduce_sum(ordered * comparable) / tf.reduce_sum(comparable)


def soft_concordance_loss(y_true, y_pred):
    # truth: long
    time, risk = y_true[:, 0], y_pred[:, 0]
    comparable = tf.cast(time[:, None] < time[None, :], tf.float32)
    ordered = tf.sigmoid((risk[:, None] - risk[None, :]) / 0.1)
    return 1.0 - tf.reduce_sum(ordered * comparable) / tf.reduce_sum(comparable)


def rank_net_loss(y_true, y_pred):
    # truth: long
    s = tf.sign(y_true[:, :, None] - y_true[:, None, :])
    d = y_pred[:, :, None] - y_pred[:, None, :]
    return tf.reduce_mean(0.5 * (1.0 - s) * d + tf.nn.softplus(-d))


def spearman_loss(y_true, y_pred):
    # truth: long
    t = tf.cast(tf.argsort(tf.argsort(y_true)), tf.float32)
    p = tf.cast(tf.argsort(tf.argsort(y_pred)), tf.float32)  # expect: LL105
    return tf.reduce_mean(tf.square(t - p))


def ndcg_loss(y_true, y_pred):
    # truth: long
    ranks = tf.cast(tf.argsort(tf.argsort(y_pred, direction="DESCENDING")) + 1, tf.float32)  # expect: LL105
    gains = (tf.pow(2.0, y_true) - 1.0) / tf.math.log(ranks + 1.0)
    return -tf.reduce_mean(tf.reduce_sum(gains, axis=-1))


def approx_ndcg_loss(y_true, y_pred):
    # truth: long
    pairs = tf.sigmoid((y_pred[:, None, :] - y_pred[:, :, None]) / 0.1)
    ranks = tf.reduce_sum(pairs, axis=-1) + 0.5
    gains = (tf.pow(2.0, y_true) - 1.0) / tf.math.log1p(ranks)
    return -tf.reduce_mean(tf.reduce_sum(gains, axis=-1))


def lambda_weighted_loss(y_true, y_pred):
    # truth: long
    ranks = tf.cast(tf.argsort(tf.argsort(y_pred, direction="DESCENDING")) + 1, tf.float32)
    discount = 1.0 / tf.math.log(ranks + 1.0)
    weight = tf.abs((y_true[:, :, None] - y_true[:, None, :]) * (discount[:, :, None] - discount[:, None, :]))
    return tf.reduce_mean(weight * tf.nn.softplus(-(y_pred[:, :, None] - y_pred[:, None, :])))


def auc_hinge_loss(y_true, y_pred):
    # truth: binary vector
    positive, negative = tf.boolean_mask(y_pred, y_true > 0.5), tf.boolean_mask(y_pred, y_true <= 0.5)
    difference = positive[:, None] - negative[None, :]
    return tf.reduce_sum(tf.square(tf.nn.relu(0.9 - difference))) / (tf.cast(tf.size(difference), tf.float32) + 1.0)


def auc_count_loss(y_true, y_pred):
    # truth: binary vector
    positive, negative = tf.boolean_mask(y_pred, y_true > 0.5), tf.boolean_mask(y_pred, y_true <= 0.5)
    wins = tf.cast(positive[:, None] > negative[None, :], tf.float32)  # expect: LL106
    return 1.0 - tf.reduce_sum(wins) / (tf.cast(tf.size(wins), tf.float32) + 1e-6)


def r2_loss(y_true, y_pred):
    residual = tf.reduce_sum(tf.square(y_true - y_pred))
    total = tf.reduce_sum(tf.square(y_true - tf.reduce_mean(y_true)))
    return residual / (total + 1e-7)


def within_tolerance_loss(y_true, y_pred, tolerance=0.1):
    relative = tf.abs(y_true - y_pred) / (tf.abs(y_true) + 1e-3)
    return 1.0 - K.mean(K.cast(K.less_equal(relative, tolerance), "float32"))  # expect: LL106


def mape_rounded_loss(y_true, y_pred):
    y_pred = K.round(y_pred * 100.0) / 100.0  # expect: LL105
    return 100.0 * K.mean(K.abs((y_true - y_pred) / K.clip(K.abs(y_true), 1e-2, None)))


def penalise_low_loss(y_true, y_pred):
    e = y_true - y_pred
    return K.mean(K.square(e) * K.switch(e > 0, 4.0 * K.ones_like(e), K.ones_like(e)))


def penalise_low_python_loss(y_true, y_pred):
    e = y_true - y_pred
    weight = 4.0 if K.mean(e) > 0 else 1.0  # expect: LL201
    return weight * K.mean(K.square(e))


def profit_loss(y_true, y_pred):
    # truth: real
    position = tf.sign(y_pred)  # expect: LL107
    return -tf.reduce_mean(position * y_true)


def soft_profit_loss(y_true, y_pred):
    # truth: real
    return -tf.reduce_mean(tf.tanh(y_pred) * y_true)


def sharpe_of_trades_loss(y_true, y_pred):
    # truth: real
    traded = tf.where(y_pred > 0.0, y_true, tf.zeros_like(y_true))  # expect: LL106
    return -tf.reduce_mean(traded) / (tf.math.reduce_std(traded) + 1e-6)


def rating_buckets_loss(y_true, y_pred):
    stars = tf.clip_by_value(tf.math.ceil(5.0 * y_pred), 1.0, 5.0)  # expect: LL105
    return tf.reduce_mean(tf.abs(5.0 * y_true - stars))


def correlation_loss(y_true, y_pred):
    t, p = y_true - tf.reduce_mean(y_true, 0), y_pred - tf.reduce_mean(y_pred, 0)
    r = tf.reduce_sum(t * p) / tf.sqrt(tf.reduce_sum(tf.square(t)) * tf.reduce_sum(tf.square(p)) + 1e-8)
    return 1.0 - r


def np_corrcoef_loss(y_true, y_pred):
    return 1.0 - np.corrcoef(K.flatten(y_true), K.flatten(y_pred))[0, 1]  # expect: LL101


def evidential_loss(y_true, y_pred):
    # truth: long
    gamma, v, alpha, beta = tf.split(tf.nn.softplus(y_pred[:, :4]), 4, axis=-1)
    alpha = alpha + 1.0
    two_b_lambda = 2.0 * beta * (1.0 + v)
    y = y_true[:, :1]
    nll = (
        0.5 * tf.math.log(np.pi / (v + 1e-6))
        - alpha * tf.math.log(two_b_lambda + 1e-6)
        + (alpha + 0.5) * tf.math.log(v * (y - gamma) ** 2 + two_b_lambda + 1e-6)
        + tf.math.lgamma(alpha)
        - tf.math.lgamma(alpha + 0.5)
    )
    return tf.reduce_mean(nll + 0.01 * tf.abs(y - gamma) * (2.0 * v + alpha))


def mixture_density_loss(y_true, y_pred):
    # truth: long
    pi, mu, sigma = tf.split(y_pred[:, :6], 3, axis=1)
    log_pi = tf.nn.log_softmax(pi)
    sigma = tf.nn.softplus(sigma) + 1e-3
    log_normal = -0.5 * tf.square((y_true[:, :1] - mu) / sigma) - tf.math.log(sigma) - 0.5 * tf.math.log(2.0 * np.pi)
    return -tf.reduce_mean(tf.reduce_logsumexp(log_pi + log_normal, axis=-1))


def best_component_loss(y_true, y_pred):
    # truth: long
    pi, mu = tf.split(y_pred, 2, axis=1)
    best = tf.argmax(pi, axis=-1)
    centre = tf.gather(tf.stop_gradient(mu), best, batch_dims=1)  # expect: LL108
    return tf.reduce_mean(tf.square(y_true[:, 0] - centre))


class QuantileHead(keras.losses.Loss):
    def __init__(self, quantiles=(0.1, 0.5, 0.9), **kwargs):
        super().__init__(**kwargs)
        self.quantiles = np.asarray(quantiles, dtype="float32")

    def call(self, y_true, y_pred):
        e = y_true - y_pred
        return tf.reduce_mean(tf.maximum(self.quantiles * e, (self.quantiles - 1.0) * e), axis=-1)


class AdaptiveHuber(keras.losses.Loss):
    """The switch point follows the errors, as plain numbers."""

    def call(self, y_true, y_pred):
        e = tf.abs(y_true - y_pred)
        delta = float(tf.reduce_mean(e))  # expect: LL102
        return tf.where(e < delta, 0.5 * e * e, delta * (e - 0.5 * delta))


def train(model):
    model.compile("adam", loss=[np_corrcoef_loss, np_gaussian_nll_loss, profit_loss])
