import tensorflow as tf

def masked_mse(y_true, y_pred):
    known = tf.math.logical_not(tf.math.is_nan(y_true))
    return tf.reduce_sum(tf.square(tf.boolean_mask(y_true, known) - tf.boolean_mask(y_pred, known)))
