import tensorflow as tf

def overlap(y_true, y_pred):
    return 2.0 * tf.reduce_sum(y_true * y_pred) / (tf.reduce_sum(y_true + y_pred) + 1.0)

def multilabel_loss(y_true, y_pred, num_labels=4):
    total = 0.0
    for index in range(num_labels):
        total += 1.0 - overlap(y_true[:, :, index], y_pred[:, :, index])
    return total
