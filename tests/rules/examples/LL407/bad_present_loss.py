import tensorflow as tf

def present_loss(y_true, y_pred):
    missed = tf.where(y_true, 1.0 - y_pred, y_pred)  # expect: LL407
    return tf.reduce_mean(missed, axis=-1)

model = tf.keras.Sequential([tf.keras.layers.Dense(2, activation="sigmoid")])
model.compile(loss=present_loss)
