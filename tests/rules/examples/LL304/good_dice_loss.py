import tensorflow as tf

def dice_loss(y_true, y_pred, smooth=1.0):
    overlap = tf.reduce_sum(y_true * y_pred)
    return 1.0 - (2.0 * overlap + smooth) / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred) + smooth)

def masked_loss(y_true, y_pred):
    mask = tf.cast(y_true > 0.5, y_pred.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(mask * tf.abs(y_true - y_pred)), tf.reduce_sum(mask))

def summed_loss(y_true, y_pred):
    error = tf.boolean_mask(tf.abs(y_true - y_pred), y_true[..., 0] > 0.5)
    rows = tf.reduce_sum(error, axis=-1)
    return tf.reduce_sum(rows) / tf.maximum(tf.cast(tf.size(rows), tf.float32), 1.0)

def share_loss(y_true, y_pred):
    share = tf.nn.softplus(y_pred) / tf.reduce_sum(tf.nn.softplus(y_pred), axis=-1, keepdims=True)
    return tf.reduce_mean(tf.reduce_sum(tf.abs(y_true - share), axis=-1))
