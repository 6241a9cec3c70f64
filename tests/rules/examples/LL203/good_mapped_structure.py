import tensorflow as tf


@tf.function
def nudged_step(f, xs):
    xs = tf.nest.map_structure(tf.convert_to_tensor, xs)
    with tf.GradientTape() as tape:
        tape.watch(xs)
        ys = f(*(xs[:1] + [xs[1] + 0.1] + xs[2:]))
    return tape.gradient(ys, xs)
