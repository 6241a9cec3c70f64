import keras

def scaled_error(y_true, y_pred, scale):
    return scale * keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)

class Scaled(keras.losses.Loss):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def call(self, y_true, y_pred):
        return self.scale * keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)

def net():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])

model = net()
model.compile("adam", loss=scaled_error)  # expect: LL405
model.compile("adam", loss=Scaled)  # expect: LL405
model.compile("adam", loss="mean_sqared_error")  # expect: LL405
model.compile("adam", loss={"score": "scaled_error"})  # expect: LL405
model.compile("adam", loss=keras.losses.get("mean_sqared_error"))  # expect: LL405

def by_name_loss(y_true, y_pred):
    return keras.losses.get("hubber")(y_true, y_pred)  # expect: LL405
