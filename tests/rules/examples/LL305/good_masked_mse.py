import tensorflow as tf

def masked_mse(y_true, y_pred):
    missing = tf.math.is_nan(y_true)
    error = tf.square(tf.where(missing, 0.0, y_true) - y_pred)
    return tf.reduce_mean(tf.where(missing, 0.0, error))
