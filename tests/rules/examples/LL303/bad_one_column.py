import tensorflow as tf

def box_loss(y_true, y_pred):
    squares = tf.square(y_true[:, 0] - y_pred[:, 0])
    rest = tf.keras.losses.binary_crossentropy(y_true[:, 1:], tf.sigmoid(y_pred[:, 1:]))
    return tf.reduce_mean(tf.sqrt(squares)) + tf.reduce_mean(rest)  # expect: LL303
