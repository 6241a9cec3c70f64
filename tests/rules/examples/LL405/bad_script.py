import keras
from keras import layers

inputs = keras.Input((8,))
age = layers.Dense(1, name="age")(inputs)
kind = layers.Dense(3, activation="softmax", name="kind")(inputs)
model = keras.Model(inputs, [age, kind])
model.compile("adam", loss={"age": "mse", "class": "categorical_crossentropy"})  # expect: LL405
losses = {
    "age": "mse",
    "kinds": "categorical_crossentropy",  # expect: LL405
}
model.compile("adam", loss=losses)
by_key = keras.Model(inputs, {"years": age, "kind": kind})
by_key.compile("adam", loss={"year": "mse", "kind": "categorical_crossentropy"})  # expect: LL405
