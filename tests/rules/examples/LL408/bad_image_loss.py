import tensorflow as tf

def structure_loss(y_true, y_pred):
    return tf.reduce_mean(tf.image.ssim(y_true, y_pred, max_val=1.0))  # expect: LL408

def scales_loss(y_true, y_pred):
    return tf.image.ssim_multiscale(y_true, y_pred, 1.0)  # expect: LL408

def noise_loss(y_true, y_pred):
    return tf.image.psnr(y_true, y_pred, max_val=1.0)  # expect: LL408

for loss in (structure_loss, scales_loss, noise_loss):
    tf.keras.Sequential([tf.keras.layers.Conv2D(3, 3, activation="sigmoid")]).compile(loss=loss)
