import tensorflow as tf

@tf.custom_gradient
def held(x):
    return tf.identity(x), lambda upstream: 0.0 * upstream

@tf.custom_gradient
def rounded(x):
    return tf.round(x) + 0.0 * held(x), lambda upstream: upstream

@tf.custom_gradient
def twofold(x):
    def grad(double, triple):
        return 2.0 * double + 3.0 * triple
    return (2.0 * x, 3.0 * x), grad

@tf.custom_gradient
def both(x):
    def grad(*upstreams):
        return 2.0 * upstreams[0] + 3.0 * upstreams[1]
    return [2.0 * x, 3.0 * x], grad

@tf.custom_gradient
def scaled(x):
    def grad(upstream, factor=2.0):
        return factor * upstream
    return 2.0 * x, grad

def straight(x):
    def grad(upstream):
        return upstream
    return tf.sign(x) + 0.0 * x, grad

direction = tf.custom_gradient(straight)

def step_loss(y_true, y_pred):
    double, triple = twofold(rounded(y_pred))
    once, again = both(direction(scaled(y_pred)))
    return tf.reduce_mean(tf.square(double - triple + once * again - y_true), axis=-1)
