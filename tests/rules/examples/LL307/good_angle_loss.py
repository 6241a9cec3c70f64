import tensorflow as tf

def angle_loss(y_true, y_pred):
    cosine = tf.clip_by_value(y_true * y_pred, -1.0 + 1e-6, 1.0 - 1e-6)
    return tf.reduce_mean(tf.acos(cosine))
