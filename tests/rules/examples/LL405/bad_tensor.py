import keras
from keras import ops

inputs, labels = keras.Input((4,)), keras.Input((1,))
outputs = keras.layers.Dense(1)(inputs)
model = keras.Model([inputs, labels], outputs)
loss = ops.mean(ops.square(labels - outputs))
model.compile("adam", loss=loss)  # expect: LL405

penalised = keras.Model([inputs, labels], outputs)
penalised.compile("adam", loss=0.1 * ops.mean(ops.abs(outputs)))  # expect: LL405
