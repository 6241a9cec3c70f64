import keras
import tensorflow as tf

def rate_loss(predicted_rate, counts):  # expect: LL403
    return tf.reduce_mean(predicted_rate - counts * tf.math.log(predicted_rate + 1e-3), axis=-1)

model = keras.Sequential([keras.layers.Dense(6, activation="softplus")])
model.compile(optimizer="adam", loss=rate_loss)
