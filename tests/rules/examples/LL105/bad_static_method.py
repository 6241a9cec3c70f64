import tensorflow as tf


class Distances:
    @staticmethod
    def hard_loss(y_true, y_pred):
        return tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)))  # expect: LL105

    @staticmethod
    def soft_loss(y_true, y_pred):
        return tf.reduce_mean(tf.abs(y_true - y_pred))
