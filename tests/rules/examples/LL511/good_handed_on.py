import tensorflow as tf

from solvers import Results, integrate


@tf.custom_gradient
def solved(rate):
    value = Results(times=tf.exp(rate), states=rate)

    def grad(*upstream):
        slopes = tf.nest.pack_sequence_as(value, upstream)
        array = tf.TensorArray(tf.float32, size=3).unstack(slopes.states)
        return integrate(array.read(0), rate)

    return value, grad


def decay_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(solved(y_pred).states - y_true))
