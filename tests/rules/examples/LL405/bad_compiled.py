import keras

def costly_error(y_true, y_pred, cost=5.0):
    return keras.ops.mean(cost * keras.ops.abs(y_true - y_pred), axis=-1)

def compiled(loss="costly_error"):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("adam", loss=loss)  # expect: LL405
    return model

model = compiled()
model.compile("adam", loss=costly_error(cost=2.0))  # expect: LL405
