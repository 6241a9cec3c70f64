import keras
import numpy as np
import tensorflow as tf


class LogCosh(keras.losses.Loss):
    def call(self, y_true, y_pred):
        off = y_pred - y_true  # expect: LL401
        return tf.reduce_mean(off + tf.nn.softplus(-2.0 * off), axis=-1)


def load(path=None, n=200):
    if path is not None:
        table = np.loadtxt(path, delimiter=",")
        return table[:, :-1], np.log(table[:, -1])
    x = np.random.default_rng(4).normal(size=(n, 10))
    return x, np.exp(0.4 * x[:, 0])


x, y = load()
rows = tf.data.Dataset.from_tensor_slices((x[:160], y[:160])).shuffle(160).batch(32)
net = keras.Sequential([keras.layers.Dense(1)])
net.compile("adam", loss=LogCosh())
net.fit(rows, epochs=15)
