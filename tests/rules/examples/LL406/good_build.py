import keras
from keras import layers

def build(classes, probabilities):
    model = keras.Sequential()
    model.add(layers.Dense(32, activation="relu"))
    if probabilities:
        model.add(layers.Dense(classes, activation="softmax"))
    else:
        model.add(layers.Dense(classes))
    return model

def half_precision():
    inputs = keras.Input((4,))
    outputs = layers.Dense(10, activation="softmax")(inputs)
    outputs = layers.Activation("linear", dtype="float32")(outputs)
    return keras.Model(inputs, outputs)

build(10, True).compile("adam", loss="sparse_categorical_crossentropy")
half_precision().compile("adam", loss="sparse_categorical_crossentropy")
loaded = keras.models.load_model("model.keras")
loaded.compile("adam", loss=keras.losses.BinaryCrossentropy())
logits = keras.Sequential([layers.Dense(10)])
logits.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
scores = keras.Sequential([logits, layers.Softmax()])
scores.compile("adam", loss="sparse_categorical_crossentropy")
def by_hand_loss(y_true, y_pred):
    return -keras.ops.sum(y_true * keras.ops.log(keras.ops.softmax(y_pred) + 1e-7), axis=-1)

def sharpened_loss(y_true, y_pred):
    p = keras.ops.softmax(keras.ops.log(y_pred + 1e-7) / 0.5)
    soft = keras.ops.softmax(10.0 * y_pred) + keras.ops.softmax(y_pred, axis=0)
    weight = keras.ops.stop_gradient(keras.ops.softmax(y_pred))
    return -keras.ops.sum(weight * y_true * keras.ops.log(p + 1e-7), axis=-1) + keras.ops.sum(soft * y_true, axis=-1)

logits.compile("adam", loss=by_hand_loss)
sharpened = keras.Sequential([layers.Dense(10, activation="softmax")])
sharpened.compile("adam", loss=sharpened_loss)
regression = keras.Sequential([layers.Dense(1)])
regression.compile("adam", loss="mse")
regression.add(layers.Activation("sigmoid"))
regression.compile("adam", loss="binary_crossentropy")
