import tensorflow as tf

def normalised_loss(y_true, y_pred):
    p = tf.nn.softplus(y_pred) / tf.reduce_sum(tf.nn.softplus(y_pred), axis=1, keepdims=True)
    mean = y_pred - tf.reduce_mean(y_pred, axis=0)
    share = tf.reduce_sum(y_true, axis=1) / (1.0 + tf.reduce_sum(tf.abs(y_pred), axis=1))
    total = tf.square(y_pred) / (1.0 + tf.reduce_sum(tf.square(y_pred)))
    rows = tf.transpose(tf.transpose(y_pred) / (1.0 + tf.reduce_sum(y_pred ** 2, axis=1)))
    spread = tf.reduce_mean(tf.square(mean) + tf.square(rows) + total, axis=-1)
    return spread + share - tf.reduce_sum(y_true * tf.math.log(p + 1e-6), axis=-1)

def nearest_loss(y_true, y_pred):
    gaps = tf.abs(tf.squeeze(y_true, axis=-1) - tf.expand_dims(y_pred[:, 0], axis=-1))
    return tf.reduce_min(gaps, axis=-1)

def ranked_loss(y_true, y_pred):
    scores = tf.squeeze(y_pred, axis=-1)
    return tf.reduce_mean(tf.math.softplus(scores - tf.expand_dims(scores, axis=-1)))

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=[normalised_loss, nearest_loss, ranked_loss])
