import tensorflow as tf

def masked_loss(y_true, y_pred):
    mask = tf.cast(y_true >= 0.0, tf.int32)
    error = tf.square(y_true - y_pred) * mask  # expect: LL407
    return tf.reduce_sum(error) / tf.reduce_sum(tf.cast(mask, tf.float32))

def batch_loss(y_true, y_pred):
    return tf.reduce_sum(tf.abs(y_true - y_pred)) / tf.shape(y_pred)[0]  # expect: LL407

def share_loss(y_true, y_pred):
    known = tf.reduce_mean(y_true > 0.0)  # expect: LL407
    return known * tf.reduce_mean(tf.abs(y_true - y_pred))

def half_loss(y_true, y_pred):
    half = 0.5 * tf.size(y_pred)  # expect: LL407
    return tf.reduce_sum(tf.abs(y_true - y_pred)) / half

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=[masked_loss, batch_loss, share_loss, half_loss])
