import tensorflow as tf

def ragged_loss(y_true, y_pred):
    rows = tf.RaggedTensor.from_tensor(y_pred)
    return tf.reduce_mean(tf.square(rows.flat_values - tf.reshape(y_true, [-1]))) + tf.reduce_mean(y_true)

def sliced_loss(y_true, y_pred):
    rows = tf.IndexedSlices(y_pred, tf.range(4))
    return tf.reduce_mean(tf.square(rows.values - y_true))
