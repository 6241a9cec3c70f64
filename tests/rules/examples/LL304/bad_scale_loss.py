import tensorflow as tf

def nll_loss(y_true, y_pred):
    mean, scale = y_pred[..., :1], y_pred[..., 1:]
    return tf.reduce_mean(tf.math.log(scale) + tf.square(y_true - mean) / (2.0 * tf.square(scale)))  # expect: LL301, LL304

model = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu"), tf.keras.layers.Dense(2)])
model.compile(loss=nll_loss)
