import keras
from keras import layers, ops

def head(x):
    def rowwise_loss(y_true, y_pred):
        first, second = y_pred  # expect: LL203
        return ops.mean(ops.abs(y_true - first)) + ops.mean(ops.abs(second))
    return layers.Dense(2)(x), rowwise_loss

x = layers.Input((8,))
out, objective = head(x)
keras.Model(x, out).compile("adam", loss=objective)
