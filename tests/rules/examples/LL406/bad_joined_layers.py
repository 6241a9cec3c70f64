from tensorflow import keras
from tensorflow.keras import layers


class SmoothedLoss:
    def __init__(self):
        self.__name__ = "smoothed"
        self.ce = keras.losses.CategoricalCrossentropy(from_logits=True, reduction="none")

    def __call__(self, y_true, y_pred):
        return self.ce(0.9 * y_true + 0.1 / 6.0, y_pred)  # expect: LL406


def backbone():
    return [keras.Input((20, 20, 3)), layers.Conv2D(8, 3, activation="relu"), layers.Flatten()]


net = keras.Sequential(backbone() + [layers.Dense(6, activation="softmax")])
net.compile("adam", SmoothedLoss())
