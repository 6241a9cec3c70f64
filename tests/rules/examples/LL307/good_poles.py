import tensorflow as tf

def evidence_loss(y_true, y_pred):
    alpha = tf.nn.relu(y_pred) + 1.0
    total = tf.reduce_sum(alpha, axis=-1, keepdims=True)
    return tf.reduce_mean(y_true * (tf.math.digamma(total) - tf.math.digamma(alpha)))

def counts_loss(y_true, y_pred):
    mean, theta = y_pred[:, :1], y_pred[:, 1:]
    ratio = tf.math.lgamma(theta) + tf.math.lgamma(y_true + 1.0) - tf.math.lgamma(y_true + theta)
    return tf.reduce_mean(ratio + tf.abs(mean))

def normal_loss(y_true, y_pred):
    share = tf.clip_by_value(2.0 * tf.sigmoid(y_pred) - 1.0, -1.0 + 1e-6, 1.0 - 1e-6)
    return tf.reduce_mean(tf.square(tf.math.erfinv(share) - y_true))
