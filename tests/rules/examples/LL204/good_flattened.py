import tensorflow as tf
from tensorflow.python.util import nest


def pair_loss(y_true, y_pred):
    flat = nest.flatten_up_to([y_true, y_pred], [y_true, y_pred])
    count = len(flat) + 1 if nest.is_nested(flat) else len(flat)
    return tf.reduce_mean(tf.square(y_true - y_pred)) / count
