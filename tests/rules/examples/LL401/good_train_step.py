import keras
import numpy as np
import tensorflow as tf


class Regressor(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(16, activation="relu")
        self.out = keras.layers.Dense(1)

    def call(self, x, training=False):
        return self.out(self.hidden(x))

    def step(self, gradients):
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))


class Squeezed(Regressor):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - tf.squeeze(self(x, training=True), -1)))
        self.step(tape.gradient(loss, self.trainable_variables))
        return {"loss": loss}


class Expanded(Regressor):
    def train_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y[:, None] - self(x, training=True)))
        self.step(tape.gradient(loss, self.trainable_variables))
        return {"loss": loss}


class Reshaped(Regressor):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            pred = self(x, training=True)
            loss = tf.reduce_mean(tf.abs(tf.reshape(y, tf.shape(pred)) - pred))
        self.step(tape.gradient(loss, self.trainable_variables))
        return {"loss": loss}


class Aligned(Regressor):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(keras.losses.mean_squared_error(y, self(x, training=True)))
        self.step(tape.gradient(loss, self.trainable_variables))
        return {"loss": loss}


class Summed(Regressor):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - tf.reduce_sum(self(x, training=True), axis=-1)))
        self.step(tape.gradient(loss, self.trainable_variables))
        return {"loss": loss}


def samples(rows=128):
    x = np.random.rand(rows, 3).astype("float32")
    y = (0.4 * x[:, 0] - 0.2 * x[:, 2]).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, y))
    return data.shuffle(rows).batch(16)


for made in (Squeezed(), Expanded(), Reshaped(), Aligned(), Summed()):
    made.compile(optimizer="adam")
    made.fit(samples(), verbose=0)
