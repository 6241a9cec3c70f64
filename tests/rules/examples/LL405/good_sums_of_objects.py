import keras
import segmentation_models as sm
from keras import ops

model = keras.Sequential([keras.layers.Input((8, 8, 3)), keras.layers.Conv2D(1, 3, activation="sigmoid")])
total = sm.losses.DiceLoss() + 0.5 * sm.losses.BinaryFocalLoss()
model.compile("adam", loss=total)

several = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
loss = ops.mean(several(ops.ones((2, 4))))
print(loss)
loss = [keras.losses.Huber()] * 1
several.compile("adam", loss=loss)
