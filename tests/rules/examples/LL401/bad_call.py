import numpy as np
import keras
from keras import ops

class LogCosh(keras.losses.Loss):
    def call(self, y_true, y_pred):
        error = y_pred - y_true  # expect: LL401
        return ops.mean(ops.logaddexp(error, -error), axis=-1)

x = np.random.rand(64, 3)
y = x @ np.array([3.0, 1.0, 0.5])
model = keras.Sequential([keras.layers.Dense(1)])
model.compile(loss=LogCosh())
model.fit(x, y)
