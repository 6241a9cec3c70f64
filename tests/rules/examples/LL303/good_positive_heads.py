import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

FLOOR = 1e-3


def gamma_loss(y_true, y_pred):
    mu, shape = y_pred[:, :1], y_pred[:, 1:]
    rate = shape / mu
    nll = tf.math.lgamma(shape) - shape * tf.math.log(rate) - (shape - 1.0) * tf.math.log(y_true + 1e-6) + rate * y_true
    return tf.reduce_mean(nll + tf.sqrt(mu) + tf.pow(shape / (shape + mu), shape))


def positive(x):
    return tf.math.softplus(x) + FLOOR


class Positive(layers.Layer):
    def call(self, x):
        return tf.maximum(tf.nn.softplus(x), FLOOR)


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.mu, self.shape_of = layers.Dense(1), layers.Dense(1)

    def call(self, x):
        mu = tf.exp(tf.clip_by_value(self.mu(x), -5.0, 5.0))
        return tf.concat([mu, FLOOR + tf.nn.softplus(self.shape_of(x))], axis=-1)


given = keras.Input((4,))
for net in (
    Net(),
    keras.Model(given, keras.ops.softplus(layers.Dense(2)(given)) + FLOOR),
    keras.Sequential([keras.Input((4,)), layers.Dense(2, activation=lambda x: tf.nn.softplus(x) + FLOOR)]),
    keras.Sequential([keras.Input((4,)), layers.Dense(2), layers.Activation(positive)]),
    keras.Sequential([keras.Input((4,)), layers.Dense(2), Positive()]),
):
    net.compile("adam", gamma_loss)
