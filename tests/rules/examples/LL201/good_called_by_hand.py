import tensorflow as tf

def mel_loss(y_true, y_pred, loss_fn):
    wanted, made = tf.shape(y_true)[1], tf.shape(y_pred)[1]
    if wanted > made:
        y_true = tf.slice(y_true, [0, 0, 0], [-1, made, -1])
    elif made > wanted:
        y_pred = tf.slice(y_pred, [0, 0, 0], [-1, wanted, -1])
    return tf.reduce_mean(loss_fn(y_true, y_pred), axis=1)
