"""A script whose block records nothing: what it calls hands back a number that was computed before."""

import tensorflow as tf

rates = tf.Variable([0.5, 1.5, 2.5])
cost = tf.reduce_mean(tf.square(rates - 1.0))  # expect: LL501


def current_cost():
    return cost


optimizer = tf.keras.optimizers.SGD(0.1)
with tf.GradientTape() as tape:
    value = current_cost()
gradients = tape.gradient(value, [rates])
optimizer.apply_gradients(zip(gradients, [rates]))
