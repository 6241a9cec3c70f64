import numpy as np
import tensorflow as tf

sigmoid = lambda x: 1.0 / (1.0 + np.exp(-x))
logit = lambda x: np.log(x + 1e-7) - np.log(1.0 - x + 1e-7)
log_loss = lambda pred, label: np.sum(-(label * np.log(pred + 1e-7)) - ((1.0 - label) * np.log(1.0 - pred + 1e-7)))

def squared_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred))
