import tensorflow as tf

def offset_loss(y_true, y_pred):
    places = tf.where(y_true[..., 0] > 0.5)
    error = tf.abs(tf.gather_nd(y_true, places) - tf.gather_nd(y_pred, places))
    return tf.reduce_mean(tf.reduce_sum(error, axis=-1))  # expect: LL304
