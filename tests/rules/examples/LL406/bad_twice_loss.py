import tensorflow as tf

def twice_loss(y_true, y_pred):
    p = tf.nn.sigmoid(y_pred)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=p))  # expect: LL406
