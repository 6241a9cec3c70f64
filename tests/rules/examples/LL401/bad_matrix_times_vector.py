import tensorflow as tf

COEFFICIENTS = tf.constant([0.5, -1.0, 2.0])


def survival_loss(y_true, y_pred):
    rate = tf.exp(tf.linalg.matvec(y_pred, COEFFICIENTS))
    return tf.reduce_mean(tf.abs(y_true - rate))  # expect: LL401


model = tf.keras.Sequential([tf.keras.layers.Dense(3)])
model.compile("adam", loss=survival_loss)
