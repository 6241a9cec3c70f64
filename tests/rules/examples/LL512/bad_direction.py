import tensorflow as tf

@tf.custom_gradient
def direction(x):
    return tf.sign(x)  # expect: LL512

@tf.custom_gradient
def sloped(x):
    return tf.round(x), tf.ones_like(x)  # expect: LL512

@tf.custom_gradient
def twofold(x):
    def grad(upstream):
        return upstream * 2.0  # expect: LL512
    return (2.0 * x, 3.0 * x), grad

def step_loss(y_true, y_pred):
    double, triple = twofold(y_pred)
    return tf.reduce_mean(tf.square(direction(double) - sloped(triple) - y_true), axis=-1)
