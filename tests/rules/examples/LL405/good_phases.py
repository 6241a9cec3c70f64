import keras
import numpy as np


def squared(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)


def absolute(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)


net = keras.Sequential([keras.layers.Dense(1)])
for phase, loss in (("warm-up", squared), ("main", absolute)):
    net.compile("adam", loss=loss)
    print(phase, net.fit(np.zeros((64, 3)), np.zeros((64, 1))))
