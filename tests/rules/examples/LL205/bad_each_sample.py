import tensorflow as tf

def listed_loss(y_true, y_pred):
    losses = [tf.reduce_mean(tf.abs(t - p)) for t, p in zip(tf.unstack(y_true), tf.unstack(y_pred))]  # expect: LL205, LL205
    return tf.add_n(losses)

def columns_loss(y_true, y_pred):
    mean, scale = tf.unstack(y_pred)  # expect: LL205
    return tf.reduce_mean(tf.square(y_true - mean) / (1.0 + tf.square(scale)))

model = tf.keras.Sequential([tf.keras.layers.Dense(2)])
model.compile("adam", loss=columns_loss)
tf.keras.Sequential([tf.keras.layers.Dense(4)]).compile("adam", loss=listed_loss)
