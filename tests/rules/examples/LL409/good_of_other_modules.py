import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp
from tensorflow.keras import backend as K

def older_loss(y_true, y_pred):
    try:
        return tf.sum(y_true - y_pred, axis=-1)
    except AttributeError:
        return tf.reduce_sum(y_true - y_pred, axis=-1)

def asked_loss(y_true, y_pred):
    if hasattr(tf, "mean"):
        return tf.mean(tf.abs(y_true - y_pred), axis=-1)
    return tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)

def numpy_loss(y_true, y_pred):
    return tnp.mean(tnp.abs(y_true - y_pred), axis=-1) * np.sum([1.0, 2.0])

def backend_loss(y_true, y_pred):
    return K.sum(K.abs(y_true - y_pred), axis=-1) + K.mean(K.square(y_true - y_pred), axis=-1)

class K2:
    @staticmethod
    def reduce_mean(x):
        return tf.reduce_mean(x, axis=-1)

def own_loss(y_true, y_pred):
    return K2.reduce_mean(tf.abs(y_true - y_pred))
