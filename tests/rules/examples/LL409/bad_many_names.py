import keras.backend as K


def focal_loss(y_true, y_pred):
    y_pred = K.clip(y_pred, 1e-7, 1.0 - 1e-7)  # expect: LL409
    return -K.sum(y_true * K.pow(1.0 - y_pred, 2.0) * K.log(y_pred), axis=-1)


def cross_entropy_loss(y_true, y_pred):
    y_pred = K.clip(y_pred, 1e-7, 1.0 - 1e-7)  # expect: LL409
    return -K.sum(y_true * K.log(y_pred), axis=-1)
