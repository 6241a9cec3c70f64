import tensorflow as tf

def by_size_loss(y_true, y_pred):
    d = tf.reshape(y_true, [-1]) - tf.reshape(y_pred, [-1])
    return tf.reduce_sum(d * d) / tf.cast(tf.size(d), tf.float32)  # expect: LL402

def by_rows_loss(y_true, y_pred):
    rows, width = tf.unstack(tf.shape(y_pred), num=2)
    whole = tf.reduce_sum(tf.square(y_true - y_pred)) / tf.cast(tf.shape(y_pred)[0], tf.float32)
    return whole + tf.cast(rows * width, tf.float32) / tf.cast(tf.shape(y_true)[-1], tf.float32)  # expect: LL402

for loss in (by_size_loss, by_rows_loss):
    model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    model.compile(loss=loss)
    model.fit([[0.0]], [[1.0]], class_weight={0: 1.0, 1: 5.0})
