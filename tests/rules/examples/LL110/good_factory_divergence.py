import tensorflow as tf

def divergence(mean, log_var):
    def kl(y_true, y_pred):
        return -0.5 * tf.reduce_mean(1.0 + log_var - tf.square(mean) - tf.exp(log_var))
    return kl

def elbo_loss(mean, log_var, weight=0.1):
    kl = divergence(mean, log_var)

    def elbo(y_true, y_pred):
        return tf.reduce_mean(tf.square(y_true - y_pred)) + weight * kl(y_true, y_pred)
    return elbo
