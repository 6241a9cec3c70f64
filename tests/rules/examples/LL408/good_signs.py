import tensorflow as tf

def shares(y_pred):
    return tf.clip_by_value(y_pred, 1e-7, 1.0 - 1e-7)

def weighted_loss(y_true, y_pred):
    p = shares(y_pred)
    return -tf.reduce_mean(5.0 * y_true * tf.math.log(p) + 0.1 * (1.0 - y_true) * tf.math.log(1.0 - p))

def positive_loss(y_true, y_pred):
    return -tf.reduce_mean(y_true * tf.math.log(shares(y_pred)))

def unlikelihood_loss(y_true, y_pred):
    return -tf.reduce_mean((1.0 - y_true) * tf.math.log(1.0 - shares(y_pred)))

def unlabelled_loss(y_true, y_pred):
    p = shares(y_pred)
    positive = -y_true * tf.math.log(p) + 0.3 * y_true * tf.math.log(1.0 - p)
    return tf.reduce_mean(positive - (1.0 - y_true) * tf.math.log(1.0 - p))

def certain_loss(y_true, y_pred):
    p = shares(y_pred)
    entropy = -tf.reduce_mean(y_true * tf.math.log(p) + (1.0 - y_true) * tf.math.log(1.0 - p))
    return entropy + 0.1 * tf.reduce_mean(p * tf.math.log(p))

def critic_loss(real, fake):
    return tf.reduce_mean(fake) - tf.reduce_mean(real)

def averaged_critic_loss(y_true, y_pred):
    return tf.reduce_mean(y_pred) - tf.reduce_mean(y_true)

def wasserstein_loss(y_true, y_pred):
    return tf.reduce_mean(y_true * y_pred)

def bias(y_true, y_pred):
    return tf.reduce_mean(y_true - y_pred)

def quantile_loss(y_true, y_pred):
    error = y_true - y_pred
    return tf.reduce_mean(tf.maximum(0.1 * error, -0.9 * error))
