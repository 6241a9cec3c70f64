import tensorflow as tf

def structure_loss(y_true, y_pred):
    return 1.0 - tf.reduce_mean(tf.image.ssim(y_true, y_pred, max_val=1.0))

def noise_loss(y_true, y_pred):
    return -tf.image.psnr(y_true, y_pred, max_val=1.0)

def mixed_loss(y_true, y_pred):
    likeness = tf.reduce_mean(tf.image.ssim_multiscale(y_true, y_pred, 1.0))
    return 0.84 * (1.0 - likeness) + 0.16 * tf.reduce_mean(tf.abs(y_true - y_pred))

def structure(y_true, y_pred):
    return tf.reduce_mean(tf.image.ssim(y_true, y_pred, max_val=1.0))

for loss in (structure_loss, noise_loss, mixed_loss):
    tf.keras.Sequential([tf.keras.layers.Conv2D(3, 3, activation="sigmoid")]).compile(loss=loss, metrics=[structure])
