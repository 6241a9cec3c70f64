import keras

def make_loss(scale):
    def scaled_loss(y_true, y_pred):
        return scale * keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)

class Called(keras.losses.Loss):
    def __call__(self, y_true, y_pred):  # expect: LL405
        return keras.ops.mean(keras.ops.square(y_true - y_pred))

called = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
called.compile("adam", loss=Called())

inputs, y_true = keras.Input((2,)), keras.Input((1,))
y_pred = keras.layers.Dense(1)(inputs)
model = keras.Model(inputs, y_pred)
model.compile("adam", loss=make_loss(2.0))  # expect: LL405
model.compile("adam", loss=keras.losses.MeanSquaredError(y_true, y_pred))  # expect: LL405
