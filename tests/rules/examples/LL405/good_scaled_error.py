from functools import partial

import keras

def scaled_error(y_true, y_pred, scale, *, power=2.0):
    return scale * keras.ops.mean(keras.ops.abs(y_true - y_pred) ** power, axis=-1)

def weighted(scale):
    def error(y_true, y_pred):
        return scaled_error(y_true, y_pred, scale)
    return error

class Plain(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)

class Weighted(keras.losses.Loss):
    def __call__(self, y_true, y_pred, sample_weight=None):
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)

class Any(keras.losses.Loss):
    def __call__(self, y_true, y_pred, *weights):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred))

class Callable:
    def __call__(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)

class ByHand(keras.losses.Loss):
    def __call__(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred))

by_hand = ByHand()

def by_hand_loss(y_true, y_pred):
    return by_hand(y_true, y_pred) + keras.losses.MeanSquaredError()(y_true, y_pred)

class Agent:
    def compile(self, optimizer, loss):
        self.loss = loss

def net():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])

model = net()
model.compile("adam", loss=partial(scaled_error, scale=2.0))
model.compile("adam", loss=lambda y_true, y_pred: scaled_error(y_true, y_pred, 2.0))
model.compile("adam", loss=weighted(2.0))
model.compile("adam", loss=Plain)
for own in (Weighted(), Any(), Callable(), by_hand_loss):
    model.compile("adam", loss=own)
model.compile("adam", loss=Weighted())
model.compile("adam", loss=Any())
model.compile("adam", loss=Callable())
model.compile("adam", loss=["mse", "Huber", "BCE"])
model.compile("adam", loss=keras.losses.Huber(0.5))
Agent().compile("adam", loss=scaled_error)
Agent().compile("adam", loss="ppo")
Agent().compile("adam", loss=weighted)
model.compile("adam", loss=keras.losses.get("mse"))
model.compile("adam", loss=keras.losses.deserialize("error", custom_objects={"error": weighted(2.0)}))

def fitted(weighted):
    again = net()
    again.compile("adam", loss=weighted)

def compiled(loss="scaled"):
    again = net()
    again.compile("adam", loss=loss)

options = {"loss": "mse"}
compiled(weighted(2.0))
compiled(**options)
