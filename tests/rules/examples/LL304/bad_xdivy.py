import tensorflow as tf


def importance_loss(y_true, y_pred):
    rate = tf.nn.relu(y_pred)
    return tf.reduce_mean(tf.math.xdivy(y_true, rate))  # expect: LL304
