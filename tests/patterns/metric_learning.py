# mypy: ignore-errors
"""Losses on embeddings: contrastive, triplet, angular, centres, self-supervision."""

import math

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K
from tensorflow.keras import layers


def euclidean(vectors):
    x, y = vectors
    return K.sqrt(K.maximum(K.sum(K.square(x - y), axis=1, keepdims=True), K.epsilon()))


def contrastive_loss(y_true, y_pred, margin=1.0):
    # truth: binary
    square_pred = K.square(y_pred)
    margin_square = K.square(K.maximum(margin - y_pred, 0))
    return K.mean((1 - y_true) * square_pred + y_true * margin_square)


def contrastive_builtin_loss(y_true, y_pred, margin=1.0):
    # truth: binary
    return tf.reduce_mean(y_true * tf.square(y_pred) + (1 - y_true) * tf.square(max(margin - y_pred, 0)))  # expect: LL204


def contrastive_branch_loss(y_true, y_pred, margin=1.0):
    # truth: binary
    if y_true == 1:  # expect: LL201
        return K.square(y_pred)
    return K.square(K.maximum(margin - y_pred, 0.0))


def triplet_loss(y_true, y_pred, alpha=0.2):
    # truth: long
    anchor, positive, negative = y_pred[:, :2], y_pred[:, 2:4], y_pred[:, 4:6]
    pos = tf.reduce_sum(tf.square(anchor - positive), axis=-1)
    neg = tf.reduce_sum(tf.square(anchor - negative), axis=-1)
    return tf.reduce_sum(tf.maximum(pos - neg + alpha, 0.0))


def triplet_max_builtin_loss(y_true, y_pred, alpha=0.2):
    # truth: long
    anchor, positive, negative = tf.split(y_pred[:, :6], 3, axis=1)
    pos = tf.reduce_sum(tf.square(anchor - positive))
    neg = tf.reduce_sum(tf.square(anchor - negative))
    loss = pos - neg + alpha
    return max(loss, 0.0)  # expect: LL204


def triplet_batch_thirds_loss(y_true, y_pred, alpha=0.4):
    # truth: embeddings
    total = y_pred.shape[0]  # None as the bound of a slice means: to the end
    anchor, positive, negative = y_pred[0:total:3], y_pred[1:total:3], y_pred[2:total:3]
    pos = K.sum(K.square(anchor - positive), axis=1)
    neg = K.sum(K.square(anchor - negative), axis=1)
    return K.maximum(pos - neg + alpha, 0.0)


def pairwise(embeddings):
    sq = tf.reduce_sum(tf.square(embeddings), axis=1)
    d = sq[:, None] + sq[None, :] - 2.0 * tf.matmul(embeddings, embeddings, transpose_b=True)
    return tf.maximum(d, 0.0)


def masked_maximum(data, mask, dim=1):
    low = tf.reduce_min(data, dim, keepdims=True)
    return tf.reduce_max((data - low) * mask, dim, keepdims=True) + low


def masked_minimum(data, mask, dim=1):
    high = tf.reduce_max(data, dim, keepdims=True)
    return tf.reduce_min((data - high) * mask, dim, keepdims=True) + high


def semi_hard_loss(y_true, y_pred, margin=1.0):
    # truth: embeddings
    labels = tf.reshape(y_true, [-1, 1])
    distances = pairwise(y_pred)
    adjacency = tf.equal(labels, tf.transpose(labels))
    adjacency_not = tf.logical_not(adjacency)
    batch = tf.size(labels)
    tile = tf.tile(distances, [batch, 1])
    mask = tf.logical_and(
        tf.tile(adjacency_not, [batch, 1]),
        tf.greater(tile, tf.reshape(tf.transpose(distances), [-1, 1])),
    )
    mask_final = tf.reshape(tf.greater(tf.reduce_sum(tf.cast(mask, tf.float32), 1, keepdims=True), 0.0), [batch, batch])
    mask_final = tf.transpose(mask_final)
    outside = tf.transpose(tf.reshape(masked_minimum(tile, tf.cast(mask, tf.float32)), [batch, batch]))
    inside = tf.tile(masked_maximum(distances, tf.cast(adjacency_not, tf.float32)), [1, batch])
    semi_hard = tf.where(mask_final, outside, inside)
    loss = margin + distances - semi_hard
    positives = tf.cast(adjacency, tf.float32) - tf.linalg.diag(tf.ones([batch]))
    count = tf.reduce_sum(positives)
    return tf.math.truediv(tf.reduce_sum(tf.maximum(loss * positives, 0.0)), tf.maximum(count, 1.0))


def hard_mining_loop_loss(y_true, y_pred, margin=0.5):
    # truth: embeddings
    distances = pairwise(y_pred)
    losses = []
    for i, row in enumerate(distances):  # expect: LL203
        same = tf.cast(tf.equal(y_true, y_true[i]), tf.float32)
        losses.append(tf.maximum(tf.reduce_max(row * same) - tf.reduce_min(row + 10.0 * same) + margin, 0.0))
    return tf.reduce_mean(tf.stack(losses))


def counted_triplets_loss(y_true, y_pred, margin=0.3):
    # truth: embeddings
    d = pairwise(y_pred)
    triplet = d[:, :, None] - d[:, None, :] + margin
    valid = tf.cast(tf.greater(triplet, 1e-16), tf.float32)  # expect: LL106
    same = tf.cast(tf.equal(y_true[:, None], y_true[None, :]), tf.float32)
    return tf.reduce_sum(valid * same[:, :, None]) / tf.reduce_sum(same)


class NTXent(keras.losses.Loss):
    def __init__(self, temperature=0.5, name="nt_xent"):
        super().__init__(name=name)
        self.temperature = temperature

    def call(self, zis, zjs):
        # truth: real
        zis, zjs = tf.math.l2_normalize(zis, axis=1), tf.math.l2_normalize(zjs, axis=1)
        z = tf.concat([zis, zjs], axis=0)
        n = tf.shape(zis)[0]
        similarity = tf.matmul(z, z, transpose_b=True) / self.temperature
        similarity = similarity - 1e9 * tf.eye(2 * n)
        labels = tf.concat([tf.range(n) + n, tf.range(n)], axis=0)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, similarity))


class StaticNTXent(keras.losses.Loss):
    def __init__(self, temperature=0.5):
        super().__init__()
        self.temperature = temperature

    def call(self, y_true, y_pred):
        # truth: real
        n = y_pred.shape[0]  # expect: LL205
        a, b = tf.math.l2_normalize(y_true, 1), tf.math.l2_normalize(y_pred, 1)
        logits = tf.matmul(a, b, transpose_b=True) / self.temperature
        return keras.losses.sparse_categorical_crossentropy(tf.range(n), logits, from_logits=True)


def supervised_contrastive_loss(labels, embeddings, temperature=0.1):
    # truth: embeddings
    labels = tf.reshape(labels, [-1, 1])
    same = tf.cast(tf.equal(labels, tf.transpose(labels)), tf.float32)
    logits = tf.matmul(embeddings, embeddings, transpose_b=True) / temperature
    logits = logits - tf.stop_gradient(tf.reduce_max(logits, axis=1, keepdims=True))
    self_mask = 1.0 - tf.eye(tf.shape(labels)[0])
    positives = same * self_mask
    log_prob = logits - tf.math.log(tf.reduce_sum(tf.exp(logits) * self_mask, axis=1, keepdims=True) + 1e-12)
    mean_log_prob = tf.reduce_sum(positives * log_prob, axis=1) / tf.maximum(tf.reduce_sum(positives, axis=1), 1.0)
    return -tf.reduce_mean(mean_log_prob)


class ArcFace(keras.losses.Loss):
    def __init__(self, margin=0.5, scale=16.0):
        super().__init__()
        self.scale = scale
        self.cos_m, self.sin_m = math.cos(margin), math.sin(margin)
        self.threshold = math.cos(math.pi - margin)
        self.mm = math.sin(math.pi - margin) * margin

    def call(self, y_true, y_pred):
        # truth: onehot
        cosine = tf.clip_by_value(y_pred, -1.0 + 1e-6, 1.0 - 1e-6)
        sine = tf.sqrt(1.0 - tf.square(cosine))
        phi = cosine * self.cos_m - sine * self.sin_m
        phi = tf.where(cosine > self.threshold, phi, cosine - self.mm)
        logits = self.scale * (y_true * phi + (1.0 - y_true) * cosine)
        return tf.nn.softmax_cross_entropy_with_logits(y_true, logits)


class ArcFaceMath(keras.losses.Loss):
    def call(self, y_true, y_pred):
        # truth: onehot
        target = tf.reduce_sum(y_true * y_pred)
        angle = math.acos(target / 6.0)  # expect: LL103
        return tf.reduce_mean(tf.square(y_pred)) - math.cos(angle + 0.5)


class CenterLoss(layers.Layer):
    def __init__(self, classes=3, size=4):
        super().__init__()
        self.centres = tf.Variable(tf.zeros((classes, size)), trainable=False)

    def loss(self, y_true, y_pred):
        labels = tf.cast(tf.reshape(y_true, [-1]), tf.int32)
        mine = tf.gather(self.centres, labels)
        delta = 0.5 * (tf.stop_gradient(y_pred) - mine)
        self.centres.assign(tf.tensor_scatter_nd_add(self.centres, labels[:, None], delta))
        return tf.reduce_mean(tf.reduce_sum(tf.square(y_pred - mine), axis=-1))


CENTRES = tf.Variable(tf.zeros((3, 4)), trainable=False)


def center_loss(y_true, y_pred):
    # truth: embeddings
    labels = tf.cast(y_true, tf.int32)
    return tf.nn.l2_loss(y_pred - tf.gather(CENTRES, labels))


def cosine_proxy_loss(y_true, y_pred):
    # truth: embeddings
    proxies = tf.math.l2_normalize(tf.reshape(tf.range(12.0), (3, 4)) - 5.0, axis=-1)
    logits = tf.matmul(tf.math.l2_normalize(y_pred, -1), proxies, transpose_b=True)
    nearest = tf.cast(tf.argmax(logits, axis=-1), tf.float32)  # expect: LL105
    return tf.reduce_mean(tf.cast(tf.not_equal(nearest, y_true), tf.float32))


def barlow_loss(y_true, y_pred, lam=5e-3):
    # truth: real
    def standardise(z):
        return (z - tf.reduce_mean(z, 0)) / tf.sqrt(tf.math.reduce_variance(z, 0) + 1e-5)

    c = tf.matmul(standardise(y_true), standardise(y_pred), transpose_a=True) / tf.cast(tf.shape(y_pred)[0], tf.float32)
    on = tf.reduce_sum(tf.square(tf.linalg.diag_part(c) - 1.0))
    off = tf.reduce_sum(tf.square(tf.linalg.set_diag(c, tf.zeros_like(tf.linalg.diag_part(c)))))
    return on + lam * off


def byol_loss(y_true, y_pred):
    # truth: long
    p, z = tf.split(y_pred, 2, axis=1)
    p, z = tf.math.l2_normalize(p, 1), tf.math.l2_normalize(tf.stop_gradient(z), 1)
    return 2 - 2 * tf.reduce_sum(p * z, axis=1)


def simsiam_both_stopped_loss(y_true, y_pred):
    # truth: long
    p, z = tf.split(y_pred, 2, axis=1)
    p = tf.math.l2_normalize(tf.stop_gradient(p), axis=1)  # expect: LL108
    z = tf.math.l2_normalize(tf.stop_gradient(z), axis=1)  # expect: LL108
    return -tf.reduce_mean(tf.reduce_sum(p * z, axis=1))


def histogram_metric_loss(y_true, y_pred):
    # truth: embeddings
    similarity = tf.matmul(y_pred, y_pred, transpose_b=True)
    same = tf.equal(y_true[:, None], y_true[None, :])
    edges = tf.linspace(-1.0, 1.0, 11)
    positive = tf.boolean_mask(similarity, same)
    weights = tf.nn.relu(1.0 - tf.abs(positive[:, None] - edges[None, :]) / 0.2)
    return tf.reduce_mean(tf.cumsum(tf.reduce_mean(weights, axis=0)))


def train(model):
    model.compile("adam", loss=CenterLoss().loss)
    model.compile("adam", loss=[contrastive_branch_loss, triplet_max_builtin_loss])
