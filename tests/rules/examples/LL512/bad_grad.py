import tensorflow as tf

@tf.custom_gradient
def hard_sign(x):
    def grad(upstream):
        return tf.zeros_like(upstream)  # expect: LL512
    return tf.sign(x), grad

@tf.custom_gradient
def hard_step(x):
    return tf.cast(x > 0.0, tf.float32), lambda upstream: 0.0 * upstream  # expect: LL512

def sides_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(hard_sign(y_pred) + hard_step(y_pred) - y_true), axis=-1)
