import tensorflow as tf

def masked_loss(y_true, y_pred, sample_weight=None, squared=True):
    error = y_true - y_pred
    error = tf.square(error) if squared else tf.abs(error)
    if sample_weight is not None:
        error = error * sample_weight
    if y_pred.shape[-1] == 1 or len(y_pred.shape) > 2:
        error = tf.squeeze(error, axis=-1)
    return tf.reduce_mean(error)

def balanced_loss(y_true, y_pred, weights="auto", target=None):
    if weights == "auto" or target == "none":
        weights = 1.0
    return tf.reduce_mean(weights * tf.square(y_true - y_pred))
