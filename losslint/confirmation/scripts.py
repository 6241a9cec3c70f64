"""The calls that end a script for PyTorch or JAX: the witness, the derivative, and prints. ``repro.py`` has the rest."""

from __future__ import annotations

from collections.abc import Sequence

from losslint.confirmation.observation import Observation
from losslint.confirmation.program import Program
from losslint.confirmation.words import literal

TORCH = '''
import torch

{inputs}
result = {call}
loss = result[0] if isinstance(result, (tuple, list)) else result
print("loss", loss)
torch.as_tensor(loss).sum().backward()
for name, source in {sources}.items():
    print("gradient to", name, source.grad)
'''

TORCH_STEP = '''
import torch

torch.manual_seed(0)
try:
    {loss}()
finally:
    for name, value in list(globals().items()):
        if isinstance(value, torch.nn.Module):
            for inner, parameter in value.named_parameters():
                print("gradient to", f"{{name}}.{{inner}}", parameter.grad)
        elif isinstance(value, torch.Tensor) and value.is_leaf and value.requires_grad:
            print("gradient to", name, value.grad)
'''

JAX = '''
import jax
import jax.numpy as jnp

{inputs}


def total({sources}):
    result = {call}
    return jnp.sum(result[0] if isinstance(result, (tuple, list)) else result)


{compiled}loss, gradients = jax.value_and_grad(total, argnums={positions})({sources})
print("loss", loss)
for name, gradient in zip({names}, gradients):
    print("gradient to", name, gradient)
'''

JAX_STEP = '''
import jax


def shown(make):
    def differentiate(*args, **kwargs):
        derivative = make(*args, **kwargs)

        def call(*given, **named):
            result = derivative(*given, **named)
            jax.debug.print("derivative {{}}", result)
            return result

        return call

    return differentiate


jax.grad, jax.value_and_grad = shown(jax.grad), shown(jax.value_and_grad)
{loss}()
'''


def ending(program: Program, seen: Observation, loss: str, sources: Sequence[str]) -> str:
    """What calls the function ``loss`` of a script as the observation was made, and shows the derivative."""
    if program.framework == "torch":
        return TORCH_STEP.format(loss=loss) if program.kind == "step" else _torch(program, seen, loss, sources)
    return JAX_STEP.format(loss=loss) if program.kind == "step" else _jax(program, seen, loss, sources)


def _torch(program: Program, seen: Observation, loss: str, sources: Sequence[str]) -> str:
    inputs = [
        f"{name} = torch.tensor({literal(value)}, dtype=torch.{seen.dtypes.get(name, 'float32')}"
        f"{', requires_grad=True' if name in sources else ''})" for name, value in seen.inputs.items()]
    given = {name: f"{name}.clone()" if name in sources else name for name in seen.inputs}
    named = ", ".join(f"{name!r}: {name}" for name in sources)
    return TORCH.format(inputs="\n".join(inputs), call=_call(program, loss, given), sources=f"{{{named}}}")


def _jax(program: Program, seen: Observation, loss: str, sources: Sequence[str]) -> str:
    inputs = [
        f"{name} = jnp.array({literal(value)}, {seen.dtypes.get(name, 'float32')!r})" for name, value in seen.inputs.items()]
    return JAX.format(
        inputs="\n".join(inputs), call=_call(program, loss, {name: name for name in seen.inputs}), names=list(sources),
        sources=", ".join(sources), positions=tuple(range(len(sources))),
        compiled="total = jax.jit(total)\n" if seen.mode == "jit" else "",
    )


def _call(program: Program, loss: str, given: dict[str, str]) -> str:
    by_name = program.kind != "loss"
    return f"{loss}({', '.join(f'{name}={code}' if by_name else code for name, code in given.items())})"
