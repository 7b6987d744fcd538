"""Training of networks: stochastic gradient ascent over minibatches.

    rows ~ the next B of a random order,    eps ~ noise
    params <- params + step(gradient of objective(params, rows, eps, k))

The loop of `vi_lib.fit` follows the parameters of one q; here the parameters are a network's, which
gives every observation a q of its own. What is remembered is data, so training can be stored and
resumed bit for bit.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from autograd import make_vjp

from vi_lib import storage
from vi_lib._check import Array, NonFiniteError, plain, require_shape
from vi_lib.amortised.mlp import Params, pack, shapes_of, unpack
from vi_lib.optimizers import Step, adam
from vi_lib.result import Status, restore_generator

Objective: TypeAlias = Callable[[Params, Array, Any, int], Array]
"""(params, rows (B,), eps, step from 0) -> the number to maximise, nats."""

Noise: TypeAlias = Callable[[np.random.Generator, int], Any]
"""(rng, B) -> eps, the noise of one step."""


@dataclass(frozen=True, eq=False)
class Training:
    """The outcome of `train`; with `train(..., resume=training)` it goes on as if never stopped.

    Attributes:
        params: The networks' parameters after the last step.
        status: How the training ended.
        reason: What was seen when it ended, in words.
        history: Value of the objective before each step (K,), each on its own minibatch.
        order: Observations that the present epoch has not used.
        optimizer_state: State of the step rule after the last step.
        rng_state: State of the bit generator after the last step.
    """

    params: Params
    status: Status
    reason: str
    history: Array
    order: Array = field(repr=False)
    optimizer_state: Any = field(repr=False)
    rng_state: Mapping[str, Any] = field(repr=False)

    def save(self, path: str | Path) -> None:
        """Write everything to one .npz file of arrays and a JSON text; no pickle is involved."""
        storage.write(path, {name: getattr(self, name) for name in self.__dataclass_fields__})

    @classmethod
    def load(cls, path: str | Path) -> Training:
        """Read what `save` wrote.

        Raises:
            ValueError: If the file is none.
        """
        parts = storage.read(path, {"Status": Status})
        if set(parts) != set(cls.__dataclass_fields__):
            raise ValueError(f"{path} is not a saved Training: it holds {', '.join(parts)}")
        return cls(**parts)


@dataclass(frozen=True)
class TrainingRecord:
    """What a callback is told after a step.

    Attributes:
        step: Counted from 1.
        params: Parameters after the step.
        value: The objective before the step, on its minibatch.
    """

    step: int
    params: Params
    value: float


@dataclass(frozen=True)
class _State:
    """What the next step depends on; replaced as a whole, so no interrupt can tear it."""

    flat: Array
    optimizer: Any
    order: Array
    rng: Mapping[str, Any]
    steps: int


def train(
    objective: Objective,
    params: Params | None,
    num_data: int,
    *,
    noise: Noise | None = None,
    batch_size: int = 100,
    num_steps: int = 1000,
    optimizer: Step | None = None,
    rng: np.random.Generator | None = None,
    progress: bool | None = None,
    callbacks: Sequence[Callable[[TrainingRecord], None]] = (),
    resume: Training | None = None,
) -> Training:
    """Maximise an objective over a network's parameters.

    Args:
        objective: (params, rows, eps, step) -> the number to maximise; it must be written with
            autograd.numpy.
        params: A dict of arrays to start from; it stays as it is. None with `resume`.
        num_data: Observations N.
        noise: (rng, B) -> eps of a step; by default the objective gets None.
        batch_size: Observations B of a step, at most N. Each epoch is a new random order; a rest
            shorter than B is left to the next one, so that all steps weigh the same.
        num_steps: Steps of this call; those of `resume` do not count.
        optimizer: Step rule, by default `adam(0.01)`.
        rng: Source of order and noise; by default a fresh one, so two calls differ.
        progress: Whether to show a progress bar; by default only if standard error is a terminal.
        callbacks: Called with a `TrainingRecord` after each step.
        resume: A training to continue. With the settings of the first call, the outcome is that of
            an uninterrupted one, bit for bit.

    Returns:
        The training. Ctrl-C gives one, too, with `Status.INTERRUPTED`.

    Raises:
        NonFiniteError: If the objective, its gradient or a step is not finite.
        ShapeError: If the objective is not a number.
        ValueError: If an argument contradicts another or is out of range.
    """
    if not 1 <= batch_size <= num_data:
        raise ValueError(f"batch_size must lie in 1..{num_data}, got {batch_size}")
    if num_steps < 0:
        raise ValueError(f"num_steps must be at least 0, got {num_steps}")
    rule = adam(0.01) if optimizer is None else optimizer
    state, history, shapes, rng = _start(params, rng, resume)
    last = state.steps + num_steps
    status, reason = Status.COMPLETED, f"all {num_steps} steps were run"
    try:
        with _bar(num_steps, progress) as advance:
            while state.steps < last:
                order = state.order if len(state.order) >= batch_size else rng.permutation(num_data)
                rows, order = order[:batch_size], order[batch_size:]
                eps = None if noise is None else noise(rng, batch_size)
                value, flat, optimizer_state = _step(state, objective, shapes, rows, eps, rule)
                history.append(value)
                state = _State(
                    flat, optimizer_state, order, rng.bit_generator.state, state.steps + 1
                )
                if callbacks:
                    record = TrainingRecord(state.steps, unpack(flat, shapes), value)
                    for callback in callbacks:
                        callback(record)
                advance(value)
    except KeyboardInterrupt:
        status, reason = Status.INTERRUPTED, "stopped by the keyboard"
    return Training(
        params=unpack(state.flat.copy(), shapes),
        status=status,
        reason=reason,
        # An interrupt between two lines may have left one value too many.
        history=np.array(history[: state.steps], dtype=float),
        order=state.order,
        optimizer_state=state.optimizer,
        rng_state=state.rng,
    )


def _start(
    params: Params | None, rng: np.random.Generator | None, resume: Training | None
) -> tuple[_State, list[float], dict[str, tuple[int, ...]], np.random.Generator]:
    """State, history, shapes and generator of the first step."""
    if resume is not None:
        if params is not None or rng is not None:
            raise ValueError("resume brings its own params and rng: leave both out")
        rng = restore_generator(resume.rng_state)
        values = [float(value) for value in resume.history]
        state = _State(
            pack(resume.params), resume.optimizer_state, resume.order, resume.rng_state, len(values)
        )
        return state, values, shapes_of(resume.params), rng
    if params is None:
        raise ValueError("params are needed to start from, or a training to resume")
    rng = np.random.default_rng() if rng is None else rng
    flat = np.array(pack(params), dtype=float)
    empty = np.zeros(0, dtype=int)
    return _State(flat, None, empty, rng.bit_generator.state, 0), [], shapes_of(params), rng


def _step(
    state: _State,
    objective: Objective,
    shapes: dict[str, tuple[int, ...]],
    rows: Array,
    eps: Any,
    rule: Step,
) -> tuple[float, Array, Any]:
    """Value before and parameters after one step."""
    params = unpack(state.flat, shapes)
    # NumPy's warnings would say less than the error that names step and parameter.
    with np.errstate(all="ignore"):
        vjp, boxed = make_vjp(lambda params: objective(params, rows, eps, state.steps))(params)
        require_shape("the objective", boxed, ())
        value = float(plain(boxed))
        gradients = vjp(1.0)
        gradient = pack({name: gradients[name] for name in shapes})
        increment, optimizer = rule(gradient, state.optimizer)
        flat = state.flat + increment
    if not np.isfinite(value):
        _fail(state.steps + 1, "the objective", value, None)
    for name in shapes:
        if not np.all(np.isfinite(gradients[name])):
            _fail(state.steps + 1, f"the gradient for {name}", float("nan"), name)
    if not np.all(np.isfinite(flat)):
        _fail(state.steps + 1, "the step", float("nan"), None)
    return value, flat, optimizer


def _fail(step: int, what: str, value: float, name: str | None) -> None:
    raise NonFiniteError(
        f"step {step}: {what} must be finite, got {value}; smaller steps or inputs of unit scale"
        " often help",
        iteration=step,
        coordinate=name,
    )


@contextmanager
def _bar(total: int, progress: bool | None) -> Iterator[Callable[[float], None]]:
    """A progress bar to advance, or nothing to advance."""
    if not (sys.stderr.isatty() if progress is None else progress):
        yield lambda value: None
        return
    from tqdm import tqdm  # costs import time, and most runs show no bar

    with tqdm(total=total, unit="step", desc="objective") as bar:

        def advance(value: float) -> None:
            bar.set_description_str(f"objective {value:.3f}", refresh=False)
            bar.update()

        yield advance
