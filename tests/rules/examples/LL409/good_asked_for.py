import keras
import keras.backend as K
import tensorflow as tf

joined = K.batch_dot if hasattr(K, "batch_dot") else None

def batch_loss(y_true, y_pred):
    return (keras.backend.ctc_batch_cost(y_true, y_pred, 8, 4) if hasattr(keras.backend, "ctc_batch_cost")
            else keras.losses.ctc(y_true, y_pred))

def mean_loss(y_true, y_pred):
    mean = getattr(K, "mean", None) or tf.reduce_mean
    return mean(tf.square(y_true - y_pred))

def early_loss(y_true, y_pred):
    if not hasattr(K, "max"):
        return tf.reduce_max(tf.square(y_true - y_pred))
    return K.max(tf.square(y_true - y_pred))

def versioned_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    return K.sum(error) if keras.__version__ < "3" else tf.reduce_sum(error)
