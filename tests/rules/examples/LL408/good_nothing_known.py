import tensorflow as tf
import torch
from torch.distributions.log_normal import LogNormal

def pairs_loss(y_true, y_pred):
    similarities = []
    for i in range(4):
        similarities.append(tf.image.ssim(y_true[i], y_pred[i], max_val=1.0))
    return 1 - tf.reduce_mean(similarities)

def lognormal_loss(parameters, targets):
    loc, scale = parameters
    return -LogNormal(loc, scale).log_prob(targets).mean()
