import flax.linen as nn
import jax
import jax.numpy as jnp

class Net(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(1)(nn.relu(nn.Dense(8)(x)))

net, x, y = Net(), jnp.ones((64, 3)), jnp.zeros((64,))
params = net.init(jax.random.PRNGKey(0), x)

def regression_loss(params, x, y):
    return jnp.mean((net.apply(params, x) - y) ** 2)  # expect: LL401

step = jax.jit(jax.value_and_grad(regression_loss))
value, gradients = step(params, x, y)
