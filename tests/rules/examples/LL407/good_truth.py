import tensorflow as tf
from tensorflow.keras import backend as K


def either_loss(y_true, y_pred):
    wrong = K.not_equal(K.argmax(y_pred), 0) | K.any(y_true > 0.5, axis=-1)
    both = (y_true > 0.5) & (y_pred > 0.5)
    weight = 1.0 + tf.cast(both, tf.float32) + K.cast(wrong, "float32")[:, None]
    return tf.reduce_mean(weight * tf.square(y_true - y_pred), axis=-1)


model = tf.keras.Sequential([tf.keras.layers.Dense(2)])
model.compile(loss=either_loss)
