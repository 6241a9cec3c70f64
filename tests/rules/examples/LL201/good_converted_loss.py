import tensorflow as tf

@tf.function
def converted_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred))
    if error > 1.0:
        error = 0.5 * error
    return error
