"""Numbers that an operation is not made for."""

import tensorflow as tf


def relative(y_true, y_pred):
    ratio = tf.math.log(y_pred + 1.0) - tf.math.log(y_true + 1.0)  # LL307 confirmed
    return tf.reduce_mean(tf.square(ratio))


model = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu"), tf.keras.layers.Dense(1)])
model.compile(loss=relative)
