import tensorflow as tf

def once_loss(y_true, y_pred):
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=y_pred))

def probability_loss(y_true, y_pred):
    return tf.keras.losses.binary_crossentropy(y_true, tf.nn.sigmoid(y_pred), from_logits=False)
