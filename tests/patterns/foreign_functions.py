# mypy: ignore-errors
"""Other libraries inside losses, and the wrappers that carry them into a graph."""

import random
import time

import cv2
import numpy as np
import tensorflow as tf
from scipy import ndimage
from scipy.ndimage import distance_transform_edt
from scipy.optimize import linear_sum_assignment
from scipy.special import expit
from scipy.stats import entropy
from sklearn import metrics as skm
from sklearn.metrics import mean_squared_error

extractor = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(2)])


def sklearn_mse_loss(y_true, y_pred):
    return mean_squared_error(y_true, y_pred)  # expect: LL103


def sklearn_auc_loss(y_true, y_pred):
    return 1.0 - skm.roc_auc_score(y_true, y_pred)  # expect: LL103


def expit_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - expit(y_pred)))  # expect: LL103


def scipy_entropy_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred)) + 0.1 * entropy(y_pred)  # expect: LL103


def blurred_loss(y_true, y_pred):
    # truth: image
    smooth = cv2.GaussianBlur(y_pred, (3, 3), 1.0)  # expect: LL103
    return tf.reduce_mean(tf.abs(y_true - smooth))


def ndimage_loss(y_true, y_pred):
    # truth: image
    return tf.reduce_mean(tf.square(y_true - ndimage.gaussian_filter(y_pred, 1.0)))  # expect: LL103


def predicted_features_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(extractor.predict(y_true) - extractor.predict(y_pred)))  # expect: LL103


def distance_map_loss(y_true, y_pred):
    # truth: mask
    inside = distance_transform_edt(y_true)  # expect: LL103
    return tf.reduce_mean(inside * y_pred)


def matched_loss(y_true, y_pred):
    # truth: square
    cost = tf.abs(y_true[:, tf.newaxis, 0] - y_pred[tf.newaxis, :, 0])
    rows, columns = linear_sum_assignment(cost)  # expect: LL103
    return tf.reduce_mean(tf.abs(tf.gather(y_true, rows) - tf.gather(y_pred, columns)))


# -- numpy_function and py_function


def numpy_function_loss(y_true, y_pred):
    return tf.numpy_function(lambda t, p: np.mean((t - p) ** 2, dtype=np.float32), [y_true, y_pred], tf.float32)  # expect: LL104


def hausdorff(t, p):
    return np.float32(np.max(np.abs(t - p)))


def numpy_function_by_name_loss(y_true, y_pred):
    distance = tf.numpy_function(hausdorff, [y_true, y_pred], tf.float32)  # expect: LL104
    return 0.1 * distance


def py_func_compat_loss(y_true, y_pred):
    score = tf.compat.v1.py_func(hausdorff, [y_true, y_pred], tf.float32)  # expect: LL104
    return 1.0 + score


def numpy_inside(t, p):
    return tf.constant(np.mean(np.abs(t.numpy() - p.numpy())), tf.float32)


def py_function_numpy_loss(y_true, y_pred):
    value = tf.py_function(numpy_inside, [y_true, y_pred], tf.float32)  # expect: LL104
    value.set_shape([])
    return value


class SurfaceDistance(tf.keras.losses.Loss):
    def call(self, y_true, y_pred):
        # truth: mask
        d = tf.numpy_function(self._distance, [y_pred], tf.float32)  # expect: LL104
        return tf.reduce_mean(d * y_true)

    @staticmethod
    def _distance(mask):
        return np.cumsum(mask, axis=1).astype("float32")


def label_map(mask):
    return np.cumsum(mask, axis=1).astype("float32")


def boundary_loss(y_true, y_pred):
    # truth: mask
    distance = tf.numpy_function(label_map, [y_true], tf.float32)
    return tf.reduce_mean(distance * y_pred)


def boundary_py_function_loss(y_true, y_pred):
    # truth: mask
    distance = tf.py_function(lambda m: label_map(m.numpy()), [y_true], tf.float32)
    distance = tf.ensure_shape(distance, y_pred.shape)
    return tf.reduce_mean(distance * y_pred)


def tf_inside_py_function_loss(y_true, y_pred):
    loss = tf.py_function(lambda t, p: tf.reduce_mean(tf.square(t - p)), [y_true, y_pred], tf.float32)
    loss.set_shape([])
    return loss


def assignment(cost):
    order = np.argsort(cost[:, 0])
    return order.astype(np.int64)


def matched_by_index_loss(y_true, y_pred):
    # truth: square
    cost = tf.abs(y_true[:, tf.newaxis, 0] - y_pred[tf.newaxis, :, 0])
    order = tf.numpy_function(assignment, [cost], tf.int64)
    return tf.reduce_mean(tf.abs(y_true - tf.gather(y_pred, order)))


def called_features_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(extractor(y_true, training=False) - extractor(y_pred, training=False)))


# -- frozen when the graph is traced


def np_noise_loss(y_true, y_pred):
    noise = np.random.normal(scale=0.1, size=(3,)).astype("float32")  # expect: LL207
    return tf.reduce_mean(tf.square(y_true + noise - y_pred))


def random_choice_loss(y_true, y_pred):
    weight = random.random()  # expect: LL207
    return weight * tf.reduce_mean(tf.abs(y_true - y_pred))


def random_column_loss(y_true, y_pred):
    c = random.randint(0, 10**6) / 10.0**6  # expect: LL207
    return tf.reduce_mean(tf.abs(c * y_true - y_pred))


def generator_noise_loss(y_true, y_pred):
    rng = np.random.default_rng()
    return tf.reduce_mean(tf.abs(y_true - y_pred) * rng.uniform(size=3).astype("float32"))  # expect: LL207


def mixup_factor_loss(y_true, y_pred):
    lam = np.random.beta(0.4, 0.4)  # expect: LL207
    mixed = lam * y_true + (1 - lam) * tf.reverse(y_true, axis=[0])
    return tf.reduce_mean(tf.square(mixed - y_pred))


def clock_loss(y_true, y_pred):
    warm = min((time.time() % 1000.0) / 1000.0, 1.0)  # expect: LL207
    return warm * tf.reduce_mean(tf.abs(y_true - y_pred))


class CountingLoss(tf.keras.losses.Loss):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def call(self, y_true, y_pred):
        self.calls += 1  # expect: LL207
        return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) / self.calls


RNG = np.random.default_rng(3)


def shared_generator_loss(y_true, y_pred):
    jitter = RNG.normal(size=3).astype("float32")  # expect: LL207
    return tf.reduce_mean(tf.abs(y_true + 0.1 * jitter - y_pred))


def tf_noise_loss(y_true, y_pred):
    noise = tf.random.normal(tf.shape(y_true), stddev=0.1)
    return tf.reduce_mean(tf.square(y_true + noise - y_pred))


RANDOM_PROJECTION = np.random.RandomState(0).normal(size=(3, 2)).astype("float32")


def projected_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(tf.matmul(y_true - y_pred, RANDOM_PROJECTION)))


def train(name):
    model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3, activation="sigmoid")])
    model.compile("adam", loss={"mse": sklearn_mse_loss, "auc": sklearn_auc_loss}[name])
    return model
