import tensorflow as tf

def zero_loss(y_true, y_pred):
    return 0.0 * y_true

def add_loss_output(y_true, y_pred):
    return y_pred
