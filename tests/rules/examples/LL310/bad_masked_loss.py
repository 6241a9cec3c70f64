import tensorflow as tf

def masked_loss(y_true, y_pred):
    logits, mask = tf.cast(y_pred, tf.float16), tf.cast(y_true > 0, tf.float16)
    logits += (1.0 - mask) * -1e9  # expect: LL310
    return tf.reduce_mean(tf.cast(tf.reduce_logsumexp(logits, axis=-1), tf.float32))
