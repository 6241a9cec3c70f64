import tensorflow as tf
from tensorflow.keras import layers

def beta_vae_loss(z_mean, z_log_var):
    def divergence():
        return 0.5 * tf.reduce_sum(tf.square(z_mean) + tf.exp(z_log_var) - z_log_var - 1.0, axis=-1)  # expect: LL209

    def loss(y_true, y_pred):
        return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) + divergence()

    return loss

def build():
    inputs = tf.keras.Input((6,))
    mean, log_var = layers.Dense(2)(inputs), layers.Dense(2)(inputs)
    model = tf.keras.Model(inputs, layers.Dense(6)(mean))
    model.compile(loss=beta_vae_loss(mean, log_var))
    return model
