# mypy: ignore-errors
"""NumPy in and around losses where it does no harm."""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K


class ActorCritic:
    """The log of a probability, guarded by the smallest float."""

    def __init__(self, entropy_weight=0.01):
        self.entropy_weight = entropy_weight

    def __call__(self, actions, probabilities, advantages):
        tiny = np.finfo(np.float32).eps
        log_probability = tf.math.log(probabilities + tiny)
        chosen = tf.reduce_sum(actions * log_probability, axis=-1)
        entropy = -tf.reduce_sum(probabilities * log_probability, axis=-1)
        return -tf.reduce_mean(chosen * advantages + self.entropy_weight * entropy)


def sharpe_loss(y_true, y_pred):
    # truth: real
    gains = y_true * y_pred
    yearly = np.sqrt(252.0)
    return -yearly * tf.reduce_mean(gains) / tf.sqrt(tf.math.reduce_variance(gains) + 1e-6)


def gradient_penalty_loss(y_true, y_pred):
    # truth: image
    axes = np.arange(1, len(y_pred.shape), dtype=np.int32)
    size = K.sum(K.square(y_pred - y_true), axis=axes)
    return K.mean(K.square(1.0 - size))


class AnchorLoss:
    ANCHORS = [0.6, 0.7, 1.9, 2.1]

    def __init__(self, anchors=None):
        self.anchors = anchors or self.ANCHORS
        self.boxes = len(self.anchors) // 2

    def box_loss(self, y_true, y_pred):
        sizes = tf.exp(y_pred) * np.reshape(self.anchors, [1, self.boxes, 2])
        return tf.reduce_mean(tf.square(y_true - sizes))


def pairwise_newaxis_loss(y_true, y_pred):
    grid = y_pred[:, np.newaxis, :] - y_true[np.newaxis, :, :]
    angle = np.pi * grid
    return tf.reduce_mean(1.0 - tf.cos(angle))


def unbounded_clip_loss(y_true, y_pred):
    weight = tf.clip_by_value(tf.reduce_sum(y_true, axis=0), 1e-6, np.inf)
    overlap = tf.reduce_sum(y_true * y_pred, axis=0)
    return 1.0 - tf.reduce_mean(2.0 * overlap / (weight + tf.reduce_sum(y_pred, axis=0)))


def combined_loss(beta=0.4, smooth=1.0):
    def loss_function(y_true, y_pred):
        # truth: masks
        p = K.clip(y_pred, K.epsilon(), 1.0 - K.epsilon())
        dice = (2.0 * K.sum(y_true * p) + smooth) / (K.sum(y_true) + K.sum(p) + smooth)
        weights = np.array([beta, 1.0 - beta, 1.0], dtype="float32")
        entropy = -K.mean(K.sum(weights * y_true * K.log(p), axis=-1))
        return entropy + (1.0 - dice)

    return loss_function


combined = combined_loss()


def circle_iou_np(y_true, y_pred):
    """The NumPy twin, for plots of finished predictions."""
    # truth: skip
    y_true, y_pred = np.squeeze(y_true), np.squeeze(y_pred)
    overlap = np.sum(np.minimum(y_true, y_pred), axis=-1)
    return overlap / np.maximum(np.sum(np.maximum(y_true, y_pred), axis=-1), 1e-7)


def circle_iou(y_true, y_pred):
    overlap = tf.reduce_sum(tf.minimum(y_true, y_pred), axis=-1)
    return 1.0 - overlap / tf.maximum(tf.reduce_sum(tf.maximum(y_true, y_pred), axis=-1), 1e-7)


class ArrayBackend:
    """A backend of arrays only: what it calls cross-entropy has no tensor in it."""

    @staticmethod
    def binary_crossentropy(target, output, from_logits=False):
        target, output = np.asarray(target), np.asarray(output)
        if from_logits:
            output = 1.0 / (1.0 + np.exp(-output))
        output = np.clip(output, 1e-7, 1.0 - 1e-7)
        return -(target * np.log(output) + (1.0 - target) * np.log(1.0 - output))


def psnr(y_true, y_pred):
    # truth: skip
    assert y_true.shape == y_pred.shape
    return -10.0 * np.log10(np.mean(np.square(y_pred - y_true)))


def confusion(y_true, y_pred, smooth=1.0):
    # truth: skip
    p = np.clip(y_pred, 0.0, 1.0)
    tp, fn = np.sum(y_true * p), np.sum(y_true * (1.0 - p))
    fp = np.sum((1.0 - y_true) * p)
    return (tp + smooth) / (tp + fp + smooth), (tp + smooth) / (tp + fn + smooth)


def evaluate(model, x, y):
    found = model.predict(x)
    print("precision, recall:", confusion(y, found), "psnr:", psnr(y, found))


def top_fraction_loss(y_true, y_pred, share=0.25):
    # truth: image
    error = tf.reshape(tf.abs(y_true - y_pred), (-1, np.prod(y_pred.shape[1:])))
    kept = max(int(share * np.prod(y_pred.shape[1:])), 1)
    values, _ = tf.math.top_k(error, k=kept)
    return tf.reduce_mean(values)


def distance_field(mask):
    field = np.cumsum(np.asarray(mask), axis=1)
    return (field - field.mean()).astype(np.float32)


def surface_by_py_function_loss(y_true, y_pred):
    # truth: mask
    field = tf.py_function(lambda m: distance_field(m.numpy()), [y_true], tf.float32)
    return tf.reduce_mean(y_pred * tf.ensure_shape(field, y_pred.shape))


def surface_by_numpy_function_loss(y_true, y_pred):
    # truth: mask
    field = tf.numpy_function(distance_field, [y_true], tf.float32)
    return tf.reduce_mean(y_pred * field)


def train(x, y):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(3, "sigmoid")])
    model.compile("adam", loss=[sharpe_loss], metrics=[psnr])
    evaluate(model, x, y)
