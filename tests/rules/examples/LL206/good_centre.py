import keras
import numpy as np


class Distance(keras.losses.Loss):
    def __init__(self, centre):
        super().__init__()
        self.centre = centre

    def call(self, y_true, y_pred):
        return keras.ops.sum(keras.ops.square(y_pred - self.centre), axis=-1)


def away_from_zero(centre):
    centre = np.array(centre)
    centre[np.abs(centre) < 0.1] = 0.1
    return centre


x = np.random.default_rng(1).normal(size=(160, 12))
net = keras.Sequential([keras.layers.Dense(4, use_bias=False)])
net.compile("adam", loss=Distance(away_from_zero(net.predict(x).mean(axis=0))))
