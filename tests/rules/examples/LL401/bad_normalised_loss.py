import tensorflow as tf

def normalised_loss(y_true, y_pred):
    p = tf.nn.softplus(y_pred) / tf.reduce_sum(tf.nn.softplus(y_pred), axis=1)  # expect: LL401
    return -tf.reduce_sum(y_true * tf.math.log(p + 1e-6), axis=-1)

class Shares(tf.keras.losses.Loss):
    def call(self, y_true, y_pred):
        share = y_true / tf.reduce_sum(y_true, axis=1)  # expect: LL401
        return tf.reduce_mean(tf.square(share - y_pred), axis=-1)

def moved_loss(y_true, y_pred):
    error = tf.squeeze(y_true, axis=-1) - tf.expand_dims(y_pred[:, 0], axis=-1)  # expect: LL401
    return tf.reduce_mean(tf.square(error))

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=[normalised_loss, moved_loss])
