import tensorflow as tf

def nearest(a, b):
    a2 = tf.reduce_sum(a**2, axis=-1, keepdims=True)
    b2 = tf.reduce_sum(b**2, axis=-1)[:, None, :]
    squares = tf.maximum(a2 + b2 - 2.0 * tf.matmul(a, b, transpose_b=True), 0.0)
    return tf.sqrt(tf.reduce_min(squares, axis=2))  # expect: LL303

def registration_loss(moving, fixed, turn, shift):
    moved = tf.matmul(moving, turn) + shift[:, None, :]
    return tf.reduce_mean(nearest(moved, fixed)) + 1e-3 * tf.reduce_mean(tf.square(shift))
