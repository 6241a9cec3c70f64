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


class Squared(Regressor):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            error = y - self(x, training=True)  # expect: LL401
            loss = tf.reduce_mean(tf.square(error))
        self.step(tape.gradient(loss, self.trainable_variables))
        return {"loss": loss}


class Weighted(Regressor):
    def train_step(self, data):
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            pred = self(x, training=True)
            error = tf.abs(tf.cast(y, tf.float32) - pred)  # expect: LL401
            loss = tf.reduce_mean(error if weight is None else error * weight)
        self.step(tape.gradient(loss, self.trainable_variables))
        return {"loss": loss}


class Likelihood(Regressor):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            rate = tf.nn.softplus(self(x, training=True)) + 1e-3
            loss = tf.reduce_mean(rate - y * tf.math.log(rate))  # expect: LL401
        self.step(tape.gradient(loss, self.trainable_variables))
        return {"loss": loss}


def samples(rows=128):
    x = np.random.rand(rows, 3).astype("float32")
    y = (0.4 * x[:, 0] - 0.2 * x[:, 2]).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, y))
    return data.shuffle(rows).batch(16)


for made in (Squared(), Weighted(), Likelihood()):
    made.compile(optimizer="adam")
    made.fit(samples(), verbose=0)
