import tensorflow as tf

def joint_loss(y_true, y_pred):
    hits = tf.reduce_prod(y_pred, axis=-1, keepdims=True)
    return -tf.reduce_mean(y_true * tf.math.log(hits))  # expect: LL301
