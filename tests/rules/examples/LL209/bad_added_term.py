import tensorflow as tf
from tensorflow.keras import backend as K


def build(features):
    inputs = tf.keras.Input((features,))
    mean, log_var = tf.keras.layers.Dense(2)(inputs), tf.keras.layers.Dense(2)(inputs)
    outputs = tf.keras.layers.Dense(features)(mean)
    model = tf.keras.Model(inputs, outputs)
    divergence = -0.5 * K.sum(1.0 + log_var - K.square(mean) - K.exp(log_var), axis=-1)
    model.add_loss(K.mean(K.sum(K.square(inputs - outputs), axis=-1) + divergence))  # expect: LL209
    model.compile(optimizer="adam")
    return model
