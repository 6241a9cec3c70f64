"""Inputs that the file states, and numbers that are taken out of tensors one by one."""

import keras
import numpy as np
import tensorflow as tf

CLASS_WEIGHTS = {0: 1.0, 1: 3.0}
TABLE = np.load("table.npy")


def not_of_one_width(y_true, y_pred):  # losslint: inputs y_pred=float32[8, 3], y_true=float32[7, 5]
    return -tf.reduce_mean(y_true * tf.math.log(y_pred))  # LL301 unconfirmed: the stated inputs do not fit: y_true=float32[7, 5], y_pred=float32[8, 3]


def by_table(y_true, y_pred):
    return tf.reduce_mean(TABLE * tf.math.log(y_pred) * y_true)  # LL301 unconfirmed: the loss could not be run to its end: TABLE is not run


def by_class(y_true, y_pred):
    weights = tf.stack([CLASS_WEIGHTS[int(t)] for t in y_true])  # LL102 confirmed; LL203 confirmed
    return tf.reduce_mean(weights * keras.losses.binary_crossentropy(y_true, y_pred))
