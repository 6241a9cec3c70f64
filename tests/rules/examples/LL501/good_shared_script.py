"""A script with a loop of its own beside a function that uses the same model and optimizer."""

import numpy as np
import tensorflow as tf

model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])
optimizer = tf.keras.optimizers.Adam()
x = np.random.rand(32, 3).astype("float32")
y = x.sum(axis=1, keepdims=True)
for some, values in tf.data.Dataset.from_tensor_slices((x, y)).batch(8):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(values - model(some, training=True)))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))


def train():
    for some, values in tf.data.Dataset.from_tensor_slices((x, y)).shuffle(32).batch(8):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.abs(model(some) - values))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))


train()
