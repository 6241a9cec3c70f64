import keras
from keras import layers

class Classifier(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(32, activation="relu")
        self.head = layers.Dense(10)

    def call(self, x):
        return self.head(self.hidden(x))

def build(classes):
    model = keras.Sequential()
    model.add(layers.Dense(32, activation="relu"))
    model.add(layers.Dense(classes))
    model.add(layers.Activation("softmax"))
    return model

Classifier().compile("adam", loss="sparse_categorical_crossentropy")  # expect: LL406
model = build(10)
model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))  # expect: LL406

def clipped_loss(y_true, y_pred):
    p = keras.ops.clip(keras.ops.softmax(y_pred), 1e-6, 1.0)  # expect: LL406
    return keras.losses.categorical_crossentropy(y_true, p)

other = build(3)
other.compile("adam", loss=clipped_loss)

def by_hand_loss(y_true, y_pred):
    p = keras.ops.softmax(y_pred)  # expect: LL406
    return -keras.ops.sum(y_true * keras.ops.log(p + 1e-7), axis=-1)

by_hand = build(3)
by_hand.compile("adam", loss=by_hand_loss)
