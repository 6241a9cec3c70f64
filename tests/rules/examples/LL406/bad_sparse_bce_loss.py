import tensorflow as tf

def sparse_bce_loss(y_true, y_pred):
    entropy = tf.keras.losses.binary_crossentropy(y_true, y_pred)  # expect: LL406
    return entropy + 0.1 * tf.reduce_mean(tf.abs(y_pred), axis=-1)

model = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu"), tf.keras.layers.Dense(1)])
model.compile(loss=sparse_bce_loss)
