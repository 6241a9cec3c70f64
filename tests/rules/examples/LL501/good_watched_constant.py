"""What a tape is told to watch is where its record begins."""

import tensorflow as tf
from finance import rate


def slope(spec):
    tau = tf.cast(rate(spec), tf.float32)
    s = tf.constant(0.03)
    with tf.GradientTape() as tape:
        tape.watch(s)
        value = (1.0 + tau * s) ** 2
    return tape.gradient(value, s)
