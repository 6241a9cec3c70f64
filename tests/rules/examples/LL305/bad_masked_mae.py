import tensorflow as tf

def masked_mae(y_true, y_pred):
    known = tf.cast(tf.math.is_finite(y_true), tf.float32)
    return tf.reduce_sum(known * tf.abs(y_true - y_pred)) / (tf.reduce_sum(known) + 1.0)  # expect: LL305
