import jax
import optax

def twice_loss(logits, labels):
    return optax.sigmoid_binary_cross_entropy(jax.nn.sigmoid(logits), labels).mean()  # expect: LL406
