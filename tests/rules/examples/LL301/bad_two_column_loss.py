import tensorflow as tf

def two_column_loss(y_true, y_pred):
    p = tf.concat([1.0 - y_pred, y_pred], axis=-1)
    return -tf.reduce_sum(tf.concat([1.0 - y_true, y_true], axis=-1) * tf.math.log(p), axis=-1)  # expect: LL301
