import tensorflow as tf

def entropy_loss(y_true, y_pred):
    logs = tf.math.log(y_pred)  # expect: LL309
    return -tf.reduce_mean(tf.math.multiply_no_nan(logs, y_true))
