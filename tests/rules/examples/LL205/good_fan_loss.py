import numpy as np
import tensorflow as tf

class FanLoss(tf.keras.losses.Loss):
    def __init__(self, batch_size):
        super().__init__()
        self.batch_size = batch_size
        self.bias = tf.zeros((batch_size, 3))

    def call(self, y_true, y_pred):
        batch_size = tf.shape(y_pred)[0]
        fan = tf.reshape(y_pred, (batch_size, 6, 3))
        table = tf.reshape(self.bias, (self.batch_size, 1, 3))
        return tf.reduce_mean(tf.abs(tf.expand_dims(y_true, -1) - fan), axis=(1, 2)) + 0.0 * tf.reduce_sum(table)

data = np.load("curves.npz")
model = tf.keras.Sequential([tf.keras.layers.Dense(18)])
model.compile("adam", loss=FanLoss(16))
model.fit(data["past"], data["future"], batch_size=16)
