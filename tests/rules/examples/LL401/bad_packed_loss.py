import tensorflow as tf

def packed_loss(y_true, y_pred):
    y, weight = y_true[:, 0], y_true[:, 1:]
    return tf.reduce_mean(weight * tf.square(y - y_pred[:, 0]))  # expect: LL401

def normal_loss(y_true, y_pred):
    mean, spread = tf.unstack(y_pred, num=2, axis=-1)
    return tf.reduce_mean(tf.square(y_true - mean) * tf.exp(-spread) + spread)  # expect: LL401

model = tf.keras.Sequential([tf.keras.layers.Dense(2)])
model.compile(loss=[packed_loss, normal_loss])
