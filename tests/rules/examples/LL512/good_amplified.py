import tensorflow as tf

gain, steps = tf.Variable(2.0), tf.Variable(0.0, trainable=False)

@tf.custom_gradient
def amplified(x):
    def grad(upstream, variables=None):
        return upstream * gain, [tf.reduce_sum(upstream * x)]
    return x * gain, grad

@tf.custom_gradient
def clipped(x, norm):
    def grad(upstream):
        return tf.clip_by_norm(upstream, norm), None
    return tf.identity(x) + 0.0 * steps, grad

@tf.custom_gradient
def given(x, weight):
    def grad(upstream):
        return upstream * weight, tf.reduce_sum(upstream * x)
    return x * weight, grad

def amplified_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(given(clipped(amplified(y_pred), 1.0), gain) - y_true), axis=-1)
