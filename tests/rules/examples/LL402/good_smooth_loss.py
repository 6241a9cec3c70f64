import tensorflow as tf

def smooth_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)

def by_width_loss(y_true, y_pred):
    width = tf.cast(tf.shape(y_pred)[-1], tf.float32)
    return tf.reduce_sum(tf.square(y_true - y_pred), axis=-1) / width

def by_length_loss(y_true, y_pred):
    sums = tf.reduce_sum(tf.reshape(tf.square(y_true - y_pred), (tf.shape(y_pred)[0], -1)), axis=1)
    return sums / tf.cast(tf.size(y_pred) / tf.shape(y_pred)[0], tf.float32)

def by_shape_loss(y_true, y_pred):
    return tf.abs(y_true - y_pred)[:, 0] / tf.cast(tf.reduce_prod(tf.shape(y_pred)[1:]), tf.float32)

def spread_loss(y_true, y_pred):
    return tf.fill([tf.shape(y_pred)[0]], tf.reduce_sum(tf.square(y_true - y_pred)) / tf.cast(tf.size(y_pred), tf.float32))

def by_places_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred)) / tf.cast(tf.shape(y_pred), tf.float32)

for loss in (smooth_loss, by_width_loss, by_length_loss, by_shape_loss, spread_loss, by_places_loss):
    model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    model.compile(loss=loss)
    model.fit([[0.0]], [[1.0]], class_weight={0: 1.0, 1: 5.0})
