"""A term that is added to the loss of a model at the top of a file."""

import tensorflow as tf

inputs = tf.keras.Input((4,))
hidden = tf.keras.layers.Dense(5, name="hidden")(inputs)
model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(hidden))
optimizer = tf.keras.optimizers.SGD()


def train_step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.round(model(x) - y))  # LL105 confirmed
    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))


model.add_loss(tf.reduce_mean(tf.square(model.get_layer("hidden").output)))  # LL209 confirmed
