import tensorflow as tf

def dirichlet_loss(y_true, y_pred):
    alpha = tf.nn.relu(y_pred)
    return tf.reduce_mean(tf.math.lgamma(alpha) - (alpha - 1.0) * tf.math.log(y_true + 1e-6))  # expect: LL307

def evidence_loss(y_true, y_pred):
    alpha = tf.nn.relu(y_pred)
    total = tf.reduce_sum(alpha, axis=-1, keepdims=True) + 1e-3
    return tf.reduce_mean(y_true * (tf.math.digamma(total) - tf.math.digamma(alpha)))  # expect: LL307

def normal_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(tf.math.erfinv(2.0 * tf.sigmoid(y_pred) - 1.0) - y_true))  # expect: LL307
