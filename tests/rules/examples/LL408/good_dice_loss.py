import tensorflow as tf

def dice_loss(y_true, y_pred, smooth=1.0):
    overlap = tf.reduce_sum(y_true * y_pred)
    return 1.0 - (2.0 * overlap + smooth) / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred) + smooth)

def wasserstein_loss(y_true, y_pred):
    return tf.reduce_mean(y_true * y_pred, axis=-1)

def log_dice_loss(y_true, y_pred):
    overlap = tf.reduce_sum(y_true * y_pred)
    return -tf.math.log((2.0 * overlap + 1.0) / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred) + 1.0))

def cosine_loss(y_true, y_pred):
    return tf.keras.losses.cosine_similarity(y_true, y_pred)

def alignment_loss(y_true, y_pred):
    y_true, y_pred = tf.math.l2_normalize(y_true, axis=-1), tf.math.l2_normalize(y_pred, axis=-1, epsilon=1e-6)
    return 1.0 - tf.reduce_sum(y_true * y_pred, axis=-1)

def decorrelation_loss(y_true, y_pred):
    return tf.reduce_sum(tf.math.l2_normalize(y_true, -1, 1e-6) * tf.math.l2_normalize(y_pred, -1, 1e-6), -1) ** 2

for loss in (dice_loss, wasserstein_loss, log_dice_loss, cosine_loss, alignment_loss, decorrelation_loss):
    tf.keras.Sequential([tf.keras.layers.Dense(1, activation="sigmoid")]).compile(loss=loss)
