import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

class Classifier(nn.Module):
    classes: int = 3

    @nn.compact
    def __call__(self, x):
        return nn.softmax(nn.Dense(self.classes)(nn.relu(nn.Dense(16)(x))))

model = Classifier()

def class_loss(params, x, y):
    p = model.apply({"params": params}, x)
    return optax.softmax_cross_entropy_with_integer_labels(p, y).mean()  # expect: LL406

gradient = jax.grad(class_loss)
