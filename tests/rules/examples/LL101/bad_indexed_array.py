import numpy as np
import tensorflow as tf

COUNTS = np.array([10, 20, 30], dtype="float32")


def weighted_crossentropy(y_true, y_pred):
    chosen = tf.argmax(y_true, axis=-1)
    rare = 1.0 / COUNTS[chosen]  # expect: LL101
    return tf.keras.losses.categorical_crossentropy(y_true, y_pred) * rare


model = tf.keras.Sequential([tf.keras.layers.Dense(3, activation="softmax")])
model.compile("adam", loss=weighted_crossentropy)
