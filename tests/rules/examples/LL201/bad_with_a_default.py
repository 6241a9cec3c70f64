import tensorflow as tf

def mel_loss(y_true, y_pred, factor=0.5):
    if tf.shape(y_true)[1] > tf.shape(y_pred)[1]:  # expect: LL201
        y_true = y_true[:, 1:]
    return factor * tf.reduce_mean(tf.abs(y_true - y_pred))

def weighted_loss(y_true, y_pred, factor):
    if tf.reduce_mean(y_pred) > 0.5:  # expect: LL201
        return factor * tf.reduce_mean(tf.abs(y_true - y_pred))
    return tf.reduce_mean(tf.abs(y_true - y_pred))

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile("adam", loss=lambda y_true, y_pred: weighted_loss(y_true, y_pred, 2.0))
