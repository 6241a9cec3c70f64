import tensorflow as tf

def share_loss(y_true, y_pred):
    share = y_pred / tf.reduce_sum(y_pred, axis=-1, keepdims=True)  # expect: LL304
    return tf.reduce_sum(tf.abs(y_true - share), axis=-1)

model = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu")])
model.compile("adam", loss=share_loss)
