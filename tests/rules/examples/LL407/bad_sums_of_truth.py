import tensorflow as tf
from tensorflow.keras import backend as K


def either_loss(y_true, y_pred):
    wrong = K.not_equal(K.argmax(y_pred), 0) + K.any(y_true > 0.5, axis=-1)  # expect: LL407
    return tf.cast(wrong, tf.float32) * tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)


def missed_loss(y_true, y_pred):
    missed = (y_true > 0.5) - (y_pred > 0.5)  # expect: LL407
    return tf.where(missed, 2.0, 1.0) * tf.square(y_true - y_pred)


def twice_loss(y_true, y_pred):
    weight = 1 + (y_true > 0.5)  # expect: LL407
    return tf.cast(weight, tf.float32) * tf.square(y_true - y_pred)


model = tf.keras.Sequential([tf.keras.layers.Dense(2)])
model.compile(loss=[either_loss, missed_loss, twice_loss])
