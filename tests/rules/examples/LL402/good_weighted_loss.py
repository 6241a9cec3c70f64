import tensorflow as tf

def weighted_loss(y_true, y_pred, sample_weight=None):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return error if sample_weight is None else error * sample_weight

model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
model.compile(loss=weighted_loss)
model.fit([[0.0], [1.0]], [[1.0], [2.0]], sample_weight=tf.constant([1.0, 3.0]))

def mean_loss(y_true, y_pred, sample_weight=None):
    error = tf.reduce_mean(tf.square(y_true - y_pred))
    return error if sample_weight is None else error * tf.reduce_mean(sample_weight)

other = tf.keras.Sequential([tf.keras.layers.Dense(1)])
other.compile(loss=mean_loss)
other.fit([[0.0], [1.0]], [[1.0], [2.0]])
