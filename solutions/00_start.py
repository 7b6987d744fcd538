# %% [markdown]
# # 0 · Before you start
#
# This lesson has no points and is not handed in. In half an hour it shows how the others work: how
# an exercise is checked, where derivatives and random numbers come from, which shapes arrays have,
# and why we compute with logarithms. At its end stands the notation of the whole course, on one
# page.
#
# **You will be able to**
#
# - say whether this computer has everything that the course needs, and what to do if not;
# - solve an exercise, read a verdict, and use a hint;
# - let autograd differentiate your code, and recognise the three ways in which that fails;
# - draw random numbers so that others can repeat what you did;
# - read a shape such as (S, D) → (S,) as a promise.
#
# **Before you start:** Python functions, NumPy arrays, derivatives, the density of a Gaussian.
#
# **Time** about 30 minutes · **Points** none
#
# | exercise | you write | about | difficulty |
# |---|---|---|---|
# | E0.1 | the log density of a Gaussian | 5 min | ●○○ |
#
# To run a cell, click into it and press Shift and Enter. Cells share their variables, so run them
# from top to bottom. If something is in a muddle, choose *Restart Kernel and Run All Cells* in the
# Kernel menu: what you have written stays, and every cell runs once more, in order.

# %%
import autograd.numpy as np
import matplotlib.pyplot as plt
from autograd import elementwise_grad, grad, jacobian

from autograder.checks import check
from vi_lib import densities, plots
from vi_lib.flipbook import flipbook

plots.use_style()
np.set_printoptions(precision=4, suppress=True)

# %% [markdown]
# ## 1 · Is everything there?

# %% tags=["demo"]
import sys
from importlib.metadata import version

least = {"numpy": "2.0", "scipy": "1.13", "autograd": "1.8",
         "matplotlib": "3.9"}


def parts(number):
    return tuple(int(part) for part in number.split(".")[:2])


print(f"Python 3.11 or later: {sys.version_info >= (3, 11)}")
for name, needed in least.items():
    fine = parts(version(name)) >= parts(needed)
    print(f"{name} {needed} or later: {fine}"
          f"{'' if fine else ', found ' + version(name)}")

# %% [markdown]
# All *True*? Then go on. If the first cell stopped with `ModuleNotFoundError`, or a line says
# *False*:
#
# - with make: close JupyterLab and start it by `make lab`, in the folder of the course. It installs
#   what is missing, into the folder `.venv`, and opens the lessons with that;
# - with conda: `conda env update -f environment.yml`, then `conda activate vi-course`;
# - if it was installed and is not found all the same, the notebook runs in another Python. Choose
#   *Change Kernel* in the Kernel menu; `import sys; sys.executable` says which one it is.
#
# ## 2 · How an exercise works
#
# The log density of a Gaussian with mean $m$ and standard deviation $s$ is
#
# $$\log N(\theta;\ m,\ \text{sd} = s)
# = -\tfrac12 \log 2\pi - \log s - \tfrac12 \Big(\frac{\theta - m}{s}\Big)^2 . \tag{1}$$
#
# The first two terms make the density integrate to 1, the third gives it its shape. You will need
# (1) in every lesson, so it is the exercise here. An exercise is a cell that ends in
# `raise NotImplementedError`, with a check below it. **Run both cells before you write anything**,
# and see what the check says.
#
# ### Exercise 0.1 · The log density of a Gaussian (a warm-up)
#
# Write (1) as a function. The arguments may be numbers or arrays that broadcast against each other,
# also of whole numbers. Return one log density for each $\theta$.

# %% exercise="E0.1"
def log_normal(theta, mean, sd):
    """Return log N(theta; mean, sd**2), elementwise, in nats.

    theta, mean, sd: numbers, or arrays that broadcast; sds > 0.
    Returns the log density in the broadcast shape.
    """
    ### BEGIN SOLUTION
    z = (theta - mean) / sd
    return -0.5 * np.log(2 * np.pi) - np.log(sd) - 0.5 * z**2
    ### END SOLUTION

# %% practice="E0.1"

# %% [markdown]
# A check has **parts**, each with points of its own. A part that fails says what was expected and
# what came. If your answer is wrong in a way in which others have been wrong before you, a **hint**
# stands on top: a question that leads to the mistake. Here is what somebody sees who forgot that
# the curve gets lower as it gets wider.

# %% tags=["demo"]
def forgetful(theta, mean, sd):
    z = (theta - mean) / sd
    return -0.5 * np.log(2 * np.pi) - 0.5 * z**2


check("E0.1", {"log_normal": forgetful})

# %% [markdown]
# Two parts pass all the same. Parts ask for one thing each, so that a mistake costs its own points,
# and others as little as can be. Now an answer that is right on paper:

# %% tags=["demo"]
def on_paper(theta, mean, sd):
    z = (theta - mean) / sd
    return np.log(np.exp(-0.5 * z**2) / (sd * np.sqrt(2 * np.pi)))


check("E0.1", {"log_normal": on_paper})

# %% [markdown]
# The last part asks for a $\theta$ that is 40 standard deviations from the mean, where this
# function returns minus infinity. Section 5 says why.
#
# Some things that are good to know:
#
# - Run the check as often as you like. Only what you hand in counts.
# - Any right way is right: a loop, one line, SciPy. What does not count is the library's own
#   solution, which the lessons use for their figures: `densities.normal` would be refused here.
# - The points are given for *other* inputs than those that you see. An answer that passes for the
#   right reason passes those as well.
# - Nothing below an exercise depends on your answer. Stuck? Read on, and come back later.
# - In the lessons with points *Validate*, in the bar above the notebook, runs everything afresh and
#   lists what is not right yet. So does `.venv/bin/autograder check` with the notebook's path, in a
#   terminal, here as well.
# - You hand in the notebook's file, or what `.venv/bin/autograder submit` makes of all that you have
#   begun: one zip, after a word on what is missing.
#
# <details><summary><b>Concept 1:</b> the check of an exercise says "correct", then you improve the
# cell above it and run the check again without running that cell. What does it judge?</summary>
#
# The old function. A check sees what the kernel holds, not what stands in the cell. Run the cell
# first; and before you hand in, restart the kernel and run all cells, for that is what the grader
# does.
# </details>

# %% [markdown] tags=["covers: A09"]
# ## 3 · Derivatives for free
#
# Variational inference climbs a hill, so it needs slopes. We do not write them by hand: **autograd**
# takes a Python function and returns the function that computes its derivative. It does not
# approximate; it follows every step of your code and applies the chain rule to it. The slope of the
# cosine at $\pi/2$ must be $-\sin(\pi/2) = -1$:

# %% tags=["demo", "covers: A09"]
slope = grad(np.cos)(np.pi / 2)
print(f"slope of cos at π/2: {slope:.12f}")
assert abs(slope + 1) < 1e-12

# %% tags=["demo", "covers: A09"]
def bump(x):
    """Some function, with a loop and a branch in it."""
    total = np.cos(x)
    for k in (2, 3):
        total = total + np.sin(k * x) / k
    return np.where(x > 0, total, 1.0 + 2.0 * x)


xs = np.linspace(-1.0, 6.0, 701)
exact = np.where(xs > 0, -np.sin(xs) + np.cos(2 * xs) + np.cos(3 * xs), 2.0)
found = elementwise_grad(bump)(xs)
difference = np.max(np.abs(found - exact))
print(f"largest difference below 1e-12: {difference < 1e-12}")

fig, ax = plt.subplots(figsize=(6, 3.6))
ax.plot(xs, bump(xs), color=plots.BLACK, label="f")
ax.plot(xs, exact, color=plots.SKY, lw=6, alpha=0.6, label="f′ by hand")
ax.plot(xs, found, "--", color=plots.BLUE, label="f′ by autograd")
for at in (1.0, 3.0, 5.0):
    here = np.array([at - 0.35, at + 0.35])
    ax.plot(here, bump(at) + grad(bump)(at) * (here - at),
            color=plots.VERMILLION, lw=2.5)
ax.axhline(0, color=plots.BLACK, lw=0.8)
ax.set(xlabel="x", ylim=(-2.9, 3.3))
ax.legend(loc="upper right", ncols=3, fontsize=11)
plots.show(fig, alt="A wavy function f with short tangents at three points, "
           "and its derivative: the curve computed by autograd, dashed, lies "
           "exactly on the one that was derived by hand.")

# %% [markdown]
# There are three functions to know. Which one depends on what goes in and what comes out.
#
# | you have | you call | you get |
# |---|---|---|
# | a function that returns **one number**, of an array $(D,)$ | `grad(f)(x)` | the gradient, $(D,)$ |
# | a function that works **entry by entry**, $(N,) → (N,)$ | `elementwise_grad(f)(x)` | one slope for each entry, $(N,)$ |
# | a function that returns a **vector**, $(D,) → (K,)$ | `jacobian(f)(x)` | all derivatives, $(K, D)$: row $k$ is the gradient of output $k$ |

# %% tags=["demo"]
def polar(v):
    """(radius, angle) -> (x, y)."""
    return np.array([v[0] * np.cos(v[1]), v[0] * np.sin(v[1])])


at = np.array([2.0, np.pi / 6])
print("gradient of the log density in m and s, at θ = 1:",
      grad(lambda v: densities.normal(1.0, v[0], v[1]))(np.array([0.0, 2.0])))
print("Jacobian of (r, φ) -> (x, y):")
print(jacobian(polar)(at))
print(f"its determinant {np.linalg.det(jacobian(polar)(at)):.4f}, "
      f"by hand r = {at[0]:.4f}")

# %% [markdown]
# `grad` differentiates in the first argument; `grad(f, 1)` does so in the second.
#
# ### What autograd cannot do
#
# It works by putting a box around the number and watching what your code does with the box. So it
# fails where code looks for a plain number:

# %% tags=["demo"]
import warnings

import numpy as plain_numpy


def writes_into_an_array(x):
    out = np.zeros(2)
    out[0] = x**2
    return np.sum(out)


def uses_plain_numpy(x):
    return plain_numpy.where(x > 0, x**2, 0.0)


def makes_a_float(x):
    return float(x) ** 2


def fine(x):
    return np.sum(np.array([x**2, 0.0])) + np.where(x > 0, x**2, 0.0)


for function, x in ((writes_into_an_array, 1.0), (uses_plain_numpy, 1.0),
                    (makes_a_float, 1.0), (fine, 1), (fine, 1.0)):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # so that we see them, too
            result = f"{grad(function)(x):.4f}"
    except (TypeError, ValueError, UserWarning) as error:
        result = type(error).__name__
    print(f"{function.__name__}({x!r}): {result}")

# %% [markdown]
# 1. **Do not assign into an array** (`out[0] = …`). Build it at the end, by `np.array([...])`,
#    `np.concatenate` or `np.where`.
# 2. **Import NumPy as `import autograd.numpy as np`** in code that is to be differentiated, as this
#    notebook does; a lesson says so where it matters. Some functions of plain NumPy work as well, and
#    that is the danger. Here `where` loses the box on the way: the slope comes out as 0 instead of 2,
#    with no more than a warning, "Output seems independent of input".
# 3. **Do not leave the box**: no `float(x)`, no `math.cos`, no `x.astype(...)`. And put floats in:
#    the slope at the whole number 1 is refused, that at 1.0 is found.
#
# <details><summary><b>Concept 2:</b> what is the derivative of <code>np.where(x > 0, np.sqrt(x),
# 0.0)</code> at x = 0, by mathematics from the left, and by autograd?</summary>
#
# From the left the function is constant, so 0. For an array autograd gives not-a-number: both
# branches are computed and both are differentiated, the slope of the root at 0 is infinite, and
# infinity times 0 is no number. Choose a harmless argument first, `np.sqrt(np.where(x > 0, x, 1.0))`, and the branch
# afterwards. You will meet this with $\log$ and densities that end at 0.
# </details>
#
# ## 4 · Random numbers that can be repeated
#
# All random numbers come from a **generator**, made from a seed and handed to whoever needs it. We
# never call `np.random.normal()` and the like: they share one hidden state, and a result then
# depends on whatever ran before.

# %% tags=["demo"]
from numpy.random import default_rng

rng = default_rng(7)
print("first three ", rng.standard_normal(3))
print("next three  ", rng.standard_normal(3))
print("seed 7 again", default_rng(7).standard_normal(3))
print("seed 8      ", default_rng(8).standard_normal(3))

# %% tags=["demo"]
fig, ax = plt.subplots(figsize=(6, 3.4))
sizes = np.arange(1, 10_001)
for seed, color, style in ((1, plots.BLUE, "-"), (2, plots.VERMILLION, "--"),
                           (4, plots.GREEN, "-.")):
    means = np.cumsum(default_rng(seed).standard_normal(10_000)) / sizes
    ax.semilogx(sizes, means, style, color=color, label=f"seed {seed}")
    print(f"seed {seed}: mean of 10,000 draws {means[-1]:+.4f}")
ax.fill_between(sizes, -2 / np.sqrt(sizes), 2 / np.sqrt(sizes),
                color=plots.BLACK, alpha=0.12, lw=0, label="±2/√S")
ax.set(xlabel="draws S", ylabel="mean of the draws", ylim=(-0.8, 0.8))
ax.legend(loc="upper right", ncols=2, fontsize=11)
plots.show(fig, alt="Running means of 10,000 standard normal draws for three "
           "seeds, draws on a logarithmic axis. They differ, each settles "
           "towards 0, and they stay mostly inside a band of two standard "
           "errors that narrows as one over the root of S.")

# %% [markdown]
# A seed makes a result repeatable, not right: look at several before you believe a difference. Where
# an exercise is given `rng`, draw from that one; where it is given the noise itself, `eps`, or draws
# `theta`, use those, and draw nothing.
#
# <details><summary><b>Concept 3:</b> a function starts with <code>rng = default_rng(0)</code>, and is
# called 1000 times to see how much its estimate varies. What comes out?</summary>
#
# A spread of exactly 0: all calls use the same draws. The generator has to come from outside, so
# that every call moves it on.
# </details>
#
# ## 5 · Shapes and logarithms
#
# **A draw is a row.** If there are $D$ unknowns, $S$ draws of them are an array of shape $(S, D)$.
# A log density looks at a row as a whole and returns one number for it: $(S, D) → (S,)$. In general
# the *last* axis is consumed and those before it are kept, $(\dots, D) → (\dots)$.

# %% tags=["demo"]
theta = default_rng(3).standard_normal((5, 3)) * 1.2
by_entry = densities.normal(theta, 0.0, 1.0)
log_p = np.sum(by_entry, axis=-1)
print("theta", theta.shape, "-> entry by entry", by_entry.shape,
      "-> one for each draw", log_p.shape)

fig, axes = plt.subplots(1, 3, figsize=(6, 3.3), width_ratios=(3, 3, 1.2))
tables = ((theta, "theta (5, 3)", "PuOr", 3.0),
          (by_entry, "log densities (5, 3)", "Blues_r", 6.0),
          (log_p[:, None], "sum (5,)", "Blues_r", 14.0))
for ax, (values, title, colors, top) in zip(axes, tables, strict=True):
    ax.imshow(values, cmap=colors, vmin=-top, vmax=top, aspect="auto",
              alpha=0.55)
    for (row, column), value in np.ndenumerate(values):
        ax.text(column, row, f"{value:.1f}", ha="center", va="center")
    ax.set_title(title, fontsize=12)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
axes[0].set(yticks=range(5), yticklabels=[f"draw {i}" for i in range(1, 6)],
            xticks=range(3), xticklabels=["θ₁", "θ₂", "θ₃"])
axes[1].set_xlabel("entry by entry", fontsize=12)
axes[2].set_xlabel("axis=-1", fontsize=12)
plots.show(fig, alt="Three tables. The first has five rows, one for each "
           "draw, and three columns, one for each unknown. The second, of "
           "the same shape, holds the log density of each entry. The third "
           "has one column: the sums of its rows, one number for each draw.")

# %% [markdown]
# Densities of independent unknowns are multiplied, so their logarithms are added: `axis=-1`, not the
# sum of everything. Who forgets the axis gets one number for five draws, and no error message.
#
# **Why logarithms?** Because a product of many densities soon is too small for the computer. Move
# $\theta$ away from the mean: the density looks like 0 long before it is, and beyond 38.6 standard
# deviations it *is* 0, exactly. Its logarithm is a plain number all the way.

# %% tags=["demo"]
z_axis = np.linspace(0.0, 46.0, 461)
# below half of the smallest positive number, exp() returns 0
ends = np.sqrt(-2 * (np.log(5e-324) - np.log(2) - densities.normal(0.0)))
print(f"the density is 0 beyond {ends:.1f} sds")


def far_out(fig, z):
    top, bottom = fig.subplots(2, 1, sharex=True)
    top.plot(z_axis, np.exp(densities.normal(z_axis)), color=plots.BLUE)
    top.plot(z, np.exp(densities.normal(z)), "o", color=plots.BLUE, ms=9)
    top.text(20, 0.2, f"density {np.exp(densities.normal(z)):.3g}",
             fontsize=13)
    top.set(ylabel="N(θ; 0, 1)", ylim=(-0.02, 0.42))
    bottom.axvspan(ends, 46, color=plots.ORANGE, alpha=0.35, lw=0)
    bottom.plot(z_axis, densities.normal(z_axis), color=plots.VERMILLION)
    bottom.plot(z, densities.normal(z), "o", color=plots.VERMILLION, ms=9)
    bottom.text(3, -800, f"log density {densities.normal(z):.1f}",
                fontsize=13)
    bottom.set(ylabel="log N(θ; 0, 1)", xlabel="θ, in sds from the mean",
               xlim=(0, 46))


places = [0, 1, 2, 3, 5, 8, 12, 20, 30, 38, 39, 45]
flipbook(
    far_out, np.array(places, float), label="θ = {:.0f} sds", start=3,
    figsize=(6.0, 5.2),
    alt="A point moves away from the mean of a Gaussian. Above, its density "
        "looks like 0 from four standard deviations on, and is exactly 0 "
        "from 39 on. Below, its log density follows a parabola down to "
        "about -1000 without any trouble."
)

# %% [markdown]
# That is why `np.log(density)` in section 2 failed: the density had become 0 before the logarithm
# could save it. This course adds log densities and never multiplies densities.
#
# <details><summary><b>Concept 4:</b> log densities are about 1 in size and tolerances 1e-9. Does it
# matter whether −½ log 2π is kept?</summary>
#
# For *where* a maximum is, no: a constant moves nothing. For its *height*, yes, and the height is what
# this course compares: the ELBO is a bound on the log evidence, and two models can only be compared if
# nothing was dropped from either. Keep all constants.
# </details>
#
# ## 6 · Notation
#
# One table for all lessons and the library. A lesson has a shorter one of its own near its start,
# which adds what is special to it. Shapes stand behind the names; a number has none. Where a paper
# uses other letters, the references of the lesson say so.
#
# | symbol | in code | meaning |
# |---|---|---|
# | $x$, $y$ | `x`, `y`, `data` (N,) | the data: observed, fixed; $y$ where something is predicted from $X$ |
# | $X$ | `X` (N, P) | inputs of a regression, one observation a row |
# | $\theta$ | `theta` (S, D) | what is unknown, as the model sees it: S draws, one per row |
# | $\zeta$ | `zeta` (S, D) | the same on the whole real line, after a transform (from lesson 7) |
# | $\varepsilon$ | `eps` (S, D) | noise from a fixed distribution: an argument, never drawn inside |
# | $p(\theta)$ | `log_prior` | the prior; code holds logarithms, (S, D) → (S,) |
# | $p(x \mid \theta)$ | `log_lik` | the likelihood |
# | $p(x, \theta)$, $\log p(x, \theta)$ | `log_joint`, `log_p` | the joint density, prior times likelihood |
# | $p(x)$ | `log_evidence` | the evidence: a number, unknown in general |
# | $p(\theta \mid x)$ | `posterior` | the posterior, $p(x, \theta) / p(x)$ |
# | $q(\theta)$, $q(\theta; \lambda)$ | `log_q` | the variational distribution: ours to choose |
# | $\lambda$ | `lam` (P,) | its parameters, all in one vector |
# | $E_q[f(\theta)]$ | | the average of $f$ under $q$ |
# | $H[q]$ | `entropy` | the entropy of $q$, in nats |
# | $\mathrm{KL}(q\,\Vert\,p)$ | `kl` | the Kullback-Leibler divergence of $q$ from $p$ |
# | $\mathcal L(q)$, $\mathcal L(\lambda)$ | `elbo` | the evidence lower bound; we maximise it |
# | $\mu$, $m$ | `mu`, `mean`, `m` (D,) | a mean; $m$ where it belongs to $q$ and $\mu$ is an unknown |
# | $\sigma$, $s$ | `sd`, `s` (D,) | a standard deviation, always called `sd` as an argument |
# | $\omega$ | `omega`, `log_sd` (D,) | its logarithm, free of the constraint |
# | $\sigma^2$, $s^2$ | `var`, `s2` | a variance |
# | $\tau$, $\gamma$ | `prec`, `prior_prec`, `noise_prec` | a precision, one over the variance |
# | $\Sigma$, $\Lambda$ | `cov`, `prec` (D, D) | a covariance matrix, and its inverse |
# | $\eta$ | `eta` (P,) | the natural parameters of an exponential family |
# | $g$, $\hat g$ | `g` (P,) | a gradient of the ELBO, and an estimate of it |
# | $\rho_t$ | `rho` | the step size of iteration $t = 1, 2, \dots$ |
# | $N$, $D$, $S$, $M$ | `num_samples`, `num_draws` | data, unknowns, draws; $M$ draws in one estimate of a gradient |
# | $B$ | `batch_size`, `idx` (B,) | a minibatch: how many rows, and which |
# | $K$ | `K` | mixture components, or importance samples |
#
# Gaussians are written $N(m, \text{sd} = s)$, $N(m, \text{var} = v)$ or $N(m, \text{prec} = \tau)$:
# the second argument is always named. Logarithms are natural, so log densities, divergences and
# bounds are measured in **nats**.
#
# ## Summary
#
# - Run the cell, run its check, read the hint; what a check has not seen, the grader will.
# - `grad` for one number, `elementwise_grad` entry by entry, `jacobian` for vectors. No assignment
#   into arrays, no plain NumPy, no `float`.
# - Randomness comes from an `rng` that is handed over.
# - A draw is a row; log densities take $(S, D)$ to $(S,)$; logarithms are added, all constants kept.
#
# Next: [lesson 1, the KL divergence and the ELBO](../01_elbo/01_elbo.ipynb).
#
# ## References
#
# - D. Maclaurin, D. Duvenaud, R. Adams, *Autograd: Effortless gradients in NumPy*, AutoML workshop,
#   2015. The cosine of section 3 is the demonstration of an article on ADVI that the course takes up
#   in lesson 7.
# - A. Griewank, A. Walther, *Evaluating Derivatives*, SIAM, 2nd edition 2008: chapter 3, forward and
#   reverse accumulation.
# - N. Higham, *Accuracy and Stability of Numerical Algorithms*, SIAM, 2nd edition 2002: chapter 2,
#   floating-point numbers.
