import tensorflow as tf

def unit(azimuth, zenith):
    flat = tf.sin(zenith)
    return tf.stack([tf.cos(azimuth) * flat, tf.sin(azimuth) * flat, tf.cos(zenith)], axis=-1)

def direction_loss(y_true, y_pred):
    cosine = tf.reduce_sum(unit(y_true[:, 0], y_true[:, 1]) * tf.math.l2_normalize(y_pred, axis=-1), axis=-1)
    return tf.reduce_mean(tf.acos(tf.clip_by_value(cosine, -1.0 + 1e-6, 1.0 - 1e-6)))

def chord_loss(y_true, y_pred):
    cosine = tf.reduce_sum(unit(y_true[:, 0], y_true[:, 1]) * tf.math.l2_normalize(y_pred, axis=-1), axis=-1)
    return tf.reduce_mean(1.0 - tf.clip_by_value(cosine, -1.0, 1.0))
