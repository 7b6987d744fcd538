# %% [markdown]
# # 6 · Reparameterization gradients
#
# Black-box VI (lesson 5) asks for values of $\log p(x, \theta)$ and nothing else, and pays in
# noise. Most models have more to offer: $\log p$ has a *slope*, and automatic differentiation
# finds it. This lesson makes use of it. The idea is one line, $\theta = \mu + \sigma\varepsilon$:
# write a draw as a function of the parameters, and it moves when they move. It works so well that
# most of today's variational inference rests on it. It also has limits, and comes in two versions
# that are often confused.
#
# **You will be able to**
#
# - write a draw as a differentiable function of parameters and noise, and derive the pathwise
#   gradient from it;
# - say for a given distribution whether such a function exists, and what to do if not;
# - find the mistakes in a published table of such functions;
# - tell the *total* from the *path* derivative, and know which one a formula or a program computes;
# - measure the variance of any gradient estimator, and predict who wins.
#
# **Before you start:** the ELBO (lesson 1), step sizes (lesson 4), the score-function gradient
# (lesson 5); derivatives and the chain rule, NumPy arrays.
#
# **Time** about 150 minutes · **Points** 25 for five exercises, 5 for the open question.
#
# | exercise | you write | about | difficulty | points |
# |---|---|---|---|---|
# | E6.1 | softplus and its inverse, for every number | 20 min | ●●○ | 4 |
# | E6.2 | draws from six distributions by transformation | 25 min | ●●○ | 6 |
# | E6.3 | the pathwise gradient, total derivative | 15 min | ●●○ | 5 |
# | E6.4 | the path derivative | 15 min | ●●○ | 5 |
# | E6.5 | the variance of a gradient estimator | 10 min | ●○○ | 5 |
#
# An exercise is one function or two: replace `raise NotImplementedError` by your code, run the
# cell, then run the check below it. The check says which part is right and, where it can, which
# mistake was made. Everything else in this notebook runs without your answers.

# %%
from types import SimpleNamespace

import autograd.numpy as np
import matplotlib.pyplot as plt
from autograd import elementwise_grad, grad
from scipy import stats

from autograder.checks import check
from vi_lib import bbvi, datasets, densities, oracles, pathwise, plots
from vi_lib import sampling, transforms
from vi_lib.flipbook import flipbook

plots.use_style()
np.set_printoptions(precision=4, suppress=True)
default_rng = np.random.default_rng

# %% [markdown]
# | symbol | in code | meaning |
# |---|---|---|
# | $\theta$ | `theta` (S, D) | what is unknown: S draws, one per row |
# | $\lambda = (\mu, \sigma)$ | `mu`, `sd` (D,) | parameters of $q$; `sd` is always a standard deviation |
# | $\rho$ | `rho` | unconstrained parameter with $\sigma = \mathrm{softplus}(\rho)$ |
# | $\varepsilon$ | `eps` | noise, whose distribution does not depend on $\lambda$ |
# | $\theta = t(\varepsilon, \lambda)$ | | the transformation: noise and parameters in, a draw out |
# | $q(\theta; \lambda)$ | | $\prod_d N(\theta_d;\ \mu_d, \text{sd} = \sigma_d)$ unless another one is named |
# | $\nabla_\theta \log p(x, \theta)$ | `grad_log_joint` | the slope of the model, (S, D) → (S, D) |
# | $\nabla_\lambda$ at fixed $\theta$ | | derivative in the parameters, $\theta$ held still |
# | $\mathcal L(\lambda)$ | `elbo` | $E_q[\log p(x, \theta) - \log q(\theta; \lambda)]$, in nats; we maximise it |
# | $M$ | `num_draws` | draws in one estimate |

# %% [markdown] tags=["covers: D33 D21"]
# ## 1 · What a draw can know
#
# Here are eight draws from $q$, twice the same, and what each of them says about where to move the
# mean of $q$. On the left, the score-function gradient of lesson 5: score times weight,
# $\Sigma^{-1}(\theta - \mu)\,\big(\log p - \log q\big)$. On the right, today's gradient: simply the
# slope of $\log p - \log q$ in $\theta$ at the draw.

# %% tags=["demo", "covers: D33"]
target = oracles.CorrelatedGaussian(
    np.array([1.1, 0.7]), np.array([[1.2, 0.4], [0.4, 0.9]])
)
q_mean, q_sd = np.zeros(2), np.array([1.0, 0.8])
exact_arrow = -np.linalg.inv(target.cov) @ (q_mean - target.mean)


def both_gradients(theta, constant=1.0):
    """Weights, score times weight, and slope of log p - log q, in mu."""
    log_q = np.sum(densities.normal(theta, q_mean, q_sd), axis=1)
    weight = target.log_joint(theta) + constant - log_q
    score, _ = bbvi.score_gaussian(theta, q_mean, q_sd)
    slope = elementwise_grad(target.log_joint)(theta)
    slope = slope + (theta - q_mean) / q_sd**2
    return weight, score * weight[:, None], slope


def arrow(ax, start, step, color, **style):
    ax.annotate("", start + 0.7 * step, start, zorder=6, arrowprops={
        "arrowstyle": "-|>", "color": color, "lw": 2, "mutation_scale": 13,
        "shrinkA": 0, "shrinkB": 0, **style})


theta = q_mean + q_sd * default_rng(35).standard_normal((8, 2))
weight, by_score, by_path = both_gradients(theta)
fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 4.0))
for ax, rows, title in ((left, by_score, "score function"),
                        (right, by_path, "pathwise")):
    plots.contours(ax, target.log_joint, (-3, 3), (-3, 3), num=81,
                   mass=(0.5, 0.9), fill=False, label="p")
    plots.ellipse(ax, q_mean, np.diag(q_sd**2), mass=0.9,
                  color=plots.PURPLE, label="q")
    for point, step, w in zip(theta, rows, weight, strict=True):
        turned = ax is left and w < 0
        color = plots.VERMILLION if turned else plots.BLUE
        ax.plot(*point, "s" if turned else "o", color=color, ms=7)
        arrow(ax, point, step, color)
    arrow(ax, q_mean, rows.mean(axis=0), plots.BLACK, lw=4)
    arrow(ax, q_mean, exact_arrow, plots.GREEN, lw=2.5, ls="--")
    ax.set(xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], title=title)
    ax.spines[:].set_visible(True)
    ax.set_aspect("equal")
for color, style, name in ((plots.BLACK, "-", "mean of 8"),
                           (plots.GREEN, "--", "exact gradient")):
    left.plot([], [], style, color=color, lw=3, label=name)
fig.legend(*left.get_legend_handles_labels(), loc="outside lower center",
           ncols=4, fontsize=11)
print("exact gradient in mu", exact_arrow)
print("mean of 8 draws: score", by_score.mean(axis=0),
      " pathwise", by_path.mean(axis=0))
many = q_mean + q_sd * default_rng(36).standard_normal((200_000, 2))
_, many_score, many_path = both_gradients(many)
print("variance of one draw: score", np.var(many_score, axis=0),
      " pathwise", np.var(many_path, axis=0))
plots.show(fig, alt="The same eight draws twice. Left, score function: each "
           "arrow lies on the line through the centre of q, long for some "
           "draws, turned round for those with negative weight. Right, "
           "pathwise: nearly all arrows point up and to the right, to where "
           "p exceeds q, and differ little. The mean of the right ones is "
           "close to the exact gradient.")

# %% [markdown] tags=["covers: D21 D35"]
# On the left a draw knows a single number about the model, the height of $\log p$ where it happens
# to be. It can only vote for or against itself, and the direction emerges from the quarrel of many.
# On the right each draw knows which way $\log p$ rises *here*, and nearly all agree.
#
# <details><summary><b>Concept 1:</b> add 1000 to the log joint. What happens to the arrows on the
# left, and to those on the right?</summary>
#
# On the left every weight grows by about 1000: all arrows become enormous and point outwards; the
# mean is still right in expectation, the variance is a million times that of the score. On the
# right nothing happens at all: a constant has no slope. Pathwise gradients need no baseline.
# </details>
#
# But why should the slope in $\theta$ be a gradient in $\mu$? And what about $\sigma$?

# %% [markdown] tags=["covers: D18 C08 B18"]
# ## 2 · Take the noise outside
#
# We want $\nabla_\lambda E_{q(\theta;\lambda)}[f(\theta)]$ for some function $f$. The trouble of
# lesson 5 was that $\lambda$ sits in the *distribution* of the draws. So let us draw in two steps:
# first noise $\varepsilon$ from a distribution $p(\varepsilon)$ that contains no $\lambda$, then
#
# $$\theta = t(\varepsilon, \lambda), \qquad \text{for the Gaussian} \quad
# \theta = \mu + \sigma \varepsilon, \quad \varepsilon \sim N(0, 1) . \tag{1}$$
#
# This is called a **reparameterization**: of the *draw*, not of the model. Move the slider. The
# noise below never changes; the draws above follow the parameters along straight threads.

# %% tags=["demo", "covers: D18 C08"]
noise = np.array([-1.6, -0.8, -0.3, 0.2, 0.7, 1.5])
grid = np.linspace(-5.0, 5.0, 301)
stations = [(m, 1.0) for m in (-2.0, -1.2, -0.4, 0.4, 1.2)]
stations += [(1.2, s) for s in (0.8, 0.6, 0.4, 0.7, 1.2, 1.7, 2.2)]


def threads(fig, station):
    mean, sd = station
    ax = fig.subplots()
    ax.fill_between(grid, 0.9 * np.exp(densities.normal(grid)) - 0.6,
                    -0.6, color=plots.BLACK, alpha=0.2)
    ax.fill_between(grid, 2 + 0.9 * np.exp(densities.normal(grid, mean, sd)),
                    2, color=plots.BLUE, alpha=0.35)
    for k, e in enumerate(noise):
        color = plots.VERMILLION if k == 5 else plots.BLUE
        place = mean + sd * e
        ax.plot([e, place], [-0.6, 2], color=color, lw=1.5)
        ax.plot(place, 2, "o", color=color, ms=9)
    ax.plot(noise, np.full(6, -0.6), "o", color=plots.BLACK, ms=7)
    ax.text(-4.9, -0.2, "noise ε")
    ax.text(-4.9, 3.15, f"draws θ = {mean:.1f} + {sd:.1f} ε")
    ax.text(4.9, -0.35, "orange: ε = 1.5\n∂θ/∂μ = 1\n∂θ/∂σ = 1.5",
            color=plots.VERMILLION, ha="right", fontsize=11)
    ax.set(xlim=(-5, 5), ylim=(-0.75, 3.5), yticks=[], xlabel="ε, θ")
    ax.spines["left"].set_visible(False)


flipbook(
    threads, stations, label="μ, σ = {}", figsize=(6.0, 3.8),
    alt="Six fixed noise values below, six draws above, connected by lines. "
        "As mu grows all draws shift by the same amount; as sigma changes "
        "they fan out or close in, the outer ones fastest, and the density "
        "of q moves with them."
)

# %% [markdown] tags=["covers: D18 B18 C08"]
# Two slopes can be read off. If $\mu$ grows by a little, *every* draw moves by as much:
# $\partial\theta/\partial\mu = 1$. If $\sigma$ grows, a draw moves by its own noise:
# $\partial\theta/\partial\sigma = \varepsilon$.
#
# Now average over the noise instead of over $\theta$. It is the same average, since both describe
# the same draws,
#
# $$E_{q(\theta;\lambda)}[f(\theta)] = E_{p(\varepsilon)}\big[f(t(\varepsilon, \lambda))\big]
# = \int p(\varepsilon)\, f\big(t(\varepsilon, \lambda)\big)\, d\varepsilon ,$$
#
# but $\lambda$ has moved from the density into the integrand. The density is a constant as far as
# $\lambda$ is concerned, so the derivative goes inside, and meets a chain of two functions:
#
# $$\boxed{\ \nabla_\lambda E_q[f(\theta)]
# = \int p(\varepsilon)\, \nabla_\lambda f\big(t(\varepsilon, \lambda)\big)\, d\varepsilon
# = E_{p(\varepsilon)}\Big[\nabla_\theta f(\theta)\;\nabla_\lambda t(\varepsilon, \lambda)\Big]\ }
# \tag{2}$$
#
# This is the **pathwise gradient**: the slope of $f$ at the draw, times the speed at which the draw
# moves. Three things were used: the distribution of $\varepsilon$ is free of $\lambda$; $t$ is
# differentiable in $\lambda$; and $f$ is differentiable in $\theta$, without jumps, so that
# derivative and integral may be exchanged. Section 8 shows what happens when one of them fails.
#
# A test on $f(\theta) = \theta^2$, where $E_q[f] = \mu^2 + \sigma^2$ is known:

# %% tags=["demo", "covers: B18"]
mu, sd, h = 0.7, 1.3, 1e-4
eps = default_rng(1).standard_normal(100_000)
x = mu + sd * eps
print("d/dmu, d/dsd of E[θ²]   exact            ", 2 * mu, 2 * sd)
print("  pathwise, 100 000 draws                "
      f"{np.mean(2 * x):7.4f} {np.mean(2 * x * eps):7.4f}")
same = np.mean((mu + (sd + h) * eps) ** 2) - np.mean((mu + sd * eps) ** 2)
fresh = default_rng(2).standard_normal(100_000)
other = np.mean((mu + (sd + h) * fresh) ** 2) - np.mean(x**2)
print(f"  difference quotient in sd, same noise          {same / h:7.4f}")
print(f"  difference quotient in sd, fresh noise       {other / h:9.2f}")

# %% [markdown]
# The third line shows another way to see (2): it is a difference quotient in which both sides use
# the *same noise*, so that it does not drown in the difference of two random numbers, as it does in
# the last line.

# %% [markdown] tags=["covers: A07 X42"]
# ### What becomes of the density?
#
# An affine map such as (1) or its inverse, the **standardization**
# $\varepsilon = (\theta - \mu)/\sigma$, stretches space, and densities carry a Jacobian for that:
# $q(\theta) = p(\varepsilon)\,|d\varepsilon/d\theta| = p(\varepsilon)/\sigma$. Where has it gone in
# (2)? Density times volume is conserved, $q(\theta)\,d\theta = p(\varepsilon)\,d\varepsilon$, and
# an expectation is a sum over density times volume. So no Jacobian appears there. But wherever
# $\log q$ *itself* is needed, as in the ELBO, it does:
#
# $$\log q(\theta; \lambda) = \log p(\varepsilon) - \log \sigma, \qquad
# H[q] = -E_q[\log q] = H[p(\varepsilon)] + \log\sigma . \tag{3}$$
#
# > **Spot the error.** A blog post on ADVI standardizes its variables and adds: *don't stress about
# > the Jacobian, this transformation is such that its determinant is 1.*

# %% tags=["demo", "covers: X42"]
fine = np.linspace(-20.0, 20.0, 4001)
dx = fine[1] - fine[0]
standardized = (fine - mu) / sd
without = np.sum(np.exp(densities.normal(standardized))) * dx
print(f"∫ p((θ − μ)/σ) dθ       = {without:.4f}, with 1/σ: "
      f"{without / sd:.4f}")
log_q = densities.normal(x, mu, sd)
print(f"E[−log q] from draws    = {-np.mean(log_q):.4f}")
print(f"½ log 2πe + log σ       = "
      f"{0.5 * np.log(2 * np.pi * np.e) + np.log(sd):.4f}")

# %% [markdown] tags=["covers: A07 X42"]
# > <details><summary>Answer</summary>
# >
# > It is $1/\sigma$ (per coordinate), and without it $q$ would not integrate to 1. What is true:
# > expectations need no Jacobian, since density times volume is conserved. The $\log\sigma$ comes
# > back in the entropy, and its derivative $1/\sigma$ is the only thing in the ELBO that keeps
# > $\sigma$ from shrinking to 0. A little stress is in order.
# > </details>

# %% [markdown] tags=["covers: B06 F13 A16"]
# ## 3 · A standard deviation that stays positive
#
# A gradient step in $\sigma$ may end below 0. The remedy is the same trick once more: let
# $\sigma$ be a function of a parameter $\rho$ that may be any number. Lesson 5 took
# $\sigma = e^{\rho}$. Many programs take
#
# $$\sigma = \mathrm{softplus}(\rho) = \log(1 + e^{\rho}), \qquad
# \frac{d\sigma}{d\rho} = \frac{e^\rho}{1 + e^\rho} = \mathrm{sigmoid}(\rho) .$$
#
# Far to the left softplus is $e^\rho$, far to the right it is $\rho$ itself. So one step of size 1
# in $\rho$ can never move $\sigma$ by more than 1, while with the exponential it multiplies
# $\sigma$ by $e$, wherever it is.

# %% tags=["demo", "covers: B06 F13"]
rho = np.linspace(-5.0, 5.0, 201)
fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.6))
for ax, soft, ex, title in (
    (left, transforms.softplus(rho), np.exp(rho), "σ"),
    (right, np.exp(transforms.log_sigmoid(rho)), np.exp(rho), "dσ/dρ"),
):
    ax.plot(rho, soft, color=plots.BLUE, label="softplus(ρ)")
    ax.plot(rho, ex, "--", color=plots.VERMILLION, label="exp(ρ)")
    ax.set(xlabel="ρ", title=title, ylim=(0, 6))
left.plot(rho, np.maximum(rho, 0), ":", color=plots.BLACK, label="max(ρ, 0)")
left.legend(loc="upper left", fontsize=11)
for value in (-5.0, 0.0, 5.0):
    print(f"rho = {value:4.0f}: softplus {transforms.softplus(value):.4f}, "
          f"exp {np.exp(value):9.4f}")
print("rho for sd = 1:", f"{transforms.inverse_softplus(1.0):.4f}")
plots.show(fig, alt="Left: softplus is close to the exponential for negative "
           "arguments and to the identity for positive ones, while the "
           "exponential leaves the picture at 2. Right: the derivative of "
           "softplus rises from 0 to 1 and stays there; that of exp grows "
           "without bound.")

# %% [markdown] tags=["covers: A16 F13"]
# The inverse is needed to start at a given $\sigma$: solve $\sigma = \log(1 + e^\rho)$ for $\rho$
# and get $\rho = \log(e^\sigma - 1)$. Both formulas are correct, and both fail in floating point,
# at different ends:

# %% tags=["demo", "covers: A16"]
print("     x    log(1 + e^x)      softplus |      y   log(e^y - 1)   inverse")
with np.errstate(all="ignore"):
    for x_, y_ in ((-800, 1e-300), (-40, 1e-12), (0, 1.0), (40, 40.0),
                   (800, 800.0)):
        naive = np.log(1 + np.exp(float(x_)))
        back = np.log(np.exp(y_) - 1)
        print(f"{x_:6d} {naive:15.7g} {transforms.softplus(float(x_)):13.7g}"
              f" | {y_:6.0e} {back:13.6g}"
              f" {transforms.inverse_softplus(y_):10.6g}")

# %% [markdown]
# For large $x$ the exponential overflows; for very negative $x$ it is lost beside the 1. Both
# disappear with `np.logaddexp(a, b)`, which is $\log(e^a + e^b)$ computed safely. For the inverse,
# take $e^y$ out of the logarithm,
#
# $$\log(e^y - 1) = \log\big(e^y (1 - e^{-y})\big) = y + \log(1 - e^{-y}) ,$$
#
# so that nothing overflows; and for tiny $y$ remember `np.expm1(t)`, which is $e^t - 1$ with all
# its digits.
#
# <details><summary><b>Concept 2:</b> <code>np.where(x > 30, x, np.log1p(np.exp(x)))</code> has the
# right values. Why does a fit that uses it print <code>nan</code>?</summary>
#
# `np.where` computes both branches and then chooses. At $x = 800$ the unused branch is
# $\log(1 + \infty)$, its derivative $\infty/\infty$, and autograd multiplies it by 0 because it was
# not chosen: $0 \cdot \text{NaN} = \text{NaN}$. The values never show it; the gradient does.
# </details>
#
# ### Exercise 6.1 · Softplus and its inverse (4 points)
#
# Write both, elementwise for arrays and for single numbers, so that they are right from −800 to 800
# (the inverse from $10^{-300}$ to 800, and $-\infty$ at 0), **and** autograd finds their finite
# derivatives everywhere. `np` in this notebook is `autograd.numpy`. Clipping the argument is not a
# solution: it kills the gradient.

# %% exercise="E6.1"
def softplus(x):
    """Return log(1 + exp(x)), elementwise.

    x: a number or an array, from -800 to 800; whole numbers allowed.
    Differentiable by autograd, with a finite gradient everywhere.
    """
    ### BEGIN SOLUTION
    return np.logaddexp(0.0, x)
    ### END SOLUTION


def inverse_softplus(y):
    """Return the x with softplus(x) = y, elementwise; -inf at y = 0.

    y: a number or an array, y >= 0, from 1e-300 to 800.
    Differentiable by autograd where y > 0.
    """
    ### BEGIN SOLUTION
    return y + np.log(-np.expm1(-y))
    ### END SOLUTION

# %% check="E6.1" seed=6101

# %% [markdown] tags=["covers: D23 D24 D25 D26 D27 D28 D30 D32"]
# ## 4 · Draws by transformation
#
# Which distributions can be written as $\theta = t(\varepsilon, \lambda)$? For one coordinate there
# is a general recipe. Let $F$ be the distribution function, continuous and increasing, and $u$
# uniform on (0, 1). Then $F^{-1}(u)$ has the distribution $F$, because
#
# $$P\big(F^{-1}(u) \le x\big) = P\big(u \le F(x)\big) = F(x) .$$
#
# **Exponential**, $F(x) = 1 - e^{-\lambda x}$: solve $u = F(x)$ to get $x = -\log(1 - u)/\lambda$.
# As $1 - u$ is uniform as well, $x = -\log(u)/\lambda$ will do: other draws, same distribution.
#
# **Cauchy**, $F(x) = \frac12 + \frac1\pi \arctan x$: $x = \tan\big(\pi(u - \tfrac12)\big)$; and as
# the tangent repeats after $\pi$, $\tan(\pi u)$ has the same distribution. With location and scale:
# $m + s \tan(\pi u)$.
#
# **Laplace**, density $\frac{1}{2b} e^{-|x - m|/b}$: two exponentials back to back. With
# $e = u - \frac12 \in (-\frac12, \frac12)$,
# $x = m - b\,\mathrm{sign}(e) \log(1 - 2|e|)$.
#
# **Gaussian**: $F$ has no closed form. Box and Muller use *two* uniforms: in the plane the squared
# radius of two independent standard normals is exponential with mean 2, and the angle is uniform,
# so $\sqrt{-2 \log u_1}\, \cos(2\pi u_2)$ is standard normal (and with the sine, another one).
#
# **Multivariate Gaussian**: $x = \mu + L\varepsilon$ with $\varepsilon \sim N(0, I)$ has covariance
# $E[L\varepsilon\varepsilon^\top L^\top] = L L^\top$. **Log-normal**: $\exp(\mu + \sigma\varepsilon)$
# with $\varepsilon \sim N(0, 1)$.
#
# ### Exercise 6.2 · Draws by transformation (6 points)
#
# Write `sample_reparameterized(name, eps, **params)` for these six rows, a point each. Another
# transformation of the same noise (other uniforms, SciPy's quantile functions) is just as right if
# the draws have the right distribution and row s of the result comes from row s of `eps`.
#
# | `name` | `params` | `eps` | draws |
# |---|---|---|---|
# | `"exponential"` | `rate` | uniform on (0, 1), (S,) | (S,) |
# | `"cauchy"` | `loc`, `scale` | uniform on (0, 1), (S,) | (S,) |
# | `"laplace"` | `loc`, `scale` | uniform on (0, 1), (S,) | (S,) |
# | `"gaussian"` | `mu`, `sd` | uniform on (0, 1), (S, 2): Box and Muller | (S,) |
# | `"mvn"` | `mu` (D,), `L` (D, D) | standard normal, (S, D) | (S, D), covariance $LL^\top$ |
# | `"lognormal"` | `mu`, `sd` of $\log x$ | standard normal, (S,) | (S,) |

# %% exercise="E6.2"
def sample_reparameterized(name, eps, **params):
    """Return the draws of a distribution that belong to the noise eps.

    name: a row of the table above; params: its parameters by name,
    for instance sample_reparameterized("cauchy", eps, loc=1.0, scale=2.0).
    eps: uniform on (0, 1), (S,), or (S, 2) for "gaussian"; standard
    normal for "lognormal", (S,), and "mvn", (S, D).
    Returns (S,), and (S, D) for "mvn".
    """
    ### BEGIN SOLUTION
    if name == "exponential":
        return -np.log(eps) / params["rate"]
    if name == "cauchy":
        return params["loc"] + params["scale"] * np.tan(np.pi * eps)
    if name == "laplace":
        e = eps - 0.5
        standard = -np.sign(e) * np.log(1 - 2 * np.abs(e))
        return params["loc"] + params["scale"] * standard
    if name == "gaussian":
        radius = np.sqrt(-2 * np.log(eps[:, 0]))
        standard = radius * np.cos(2 * np.pi * eps[:, 1])
        return params["mu"] + params["sd"] * standard
    if name == "mvn":
        return params["mu"] + eps @ params["L"].T
    if name == "lognormal":
        return np.exp(params["mu"] + params["sd"] * eps)
    raise ValueError(f"unknown distribution {name!r}")
    ### END SOLUTION

# %% check="E6.2" seed=6201

# %% [markdown] tags=["covers: X12 D25 D26 D27 D28 D30"]
# > **Spot the error.** A table on a lecture slide, after a survey of variational inference, lists
# > such transformations. It prints, among others (with $e$, $e_1$, $e_2$ uniform on [0, 1]):
# >
# > | distribution | density | base | transformation |
# > |---|---|---|---|
# > | Cauchy(0, 1) | $\frac{1}{\pi(1 + x^2)}$ | $e$ | $\tan(\pi e)$ |
# > | Laplace(0, 1) | $e^{-\lvert x\rvert}$ | $e_1, e_2$ | $\ln(e_1/e_2)$ |
# > | Laplace(μ, b) | $\frac{1}{2b} e^{-\lvert x-\mu\rvert/b}$ | $e$ | $\mu - b\,\mathrm{sgn}(e) \ln(1 - 2\lvert e\rvert)$ |
# > | standard Gaussian | $\frac{1}{\sqrt{2\pi}} e^{-x^2/2}$ | $e_1, e_2$ | $\sqrt{\ln(1/e_1)} \cos(2\pi e_2)$ |
# > | Gaussian(μ, RRᵀ) | | $e \sim N(0, 1)$ | $\mu + R e$ |
# > | log-normal(μ; σ) | | $e \sim N(\mu; \sigma^2)$ | $\exp(e)$ |
# >
# > Two rows are right as they stand. Which, and what is wrong with the others? Try before you
# > unfold.

# %% tags=["demo", "covers: X12 D25 D26 D27"]
rng = default_rng(12)
u, v = rng.uniform(size=(2, 100_000))
printed = np.sqrt(np.log(1 / u)) * np.cos(2 * np.pi * v)
print(f"printed Gaussian row: variance {np.var(printed):.3f}, "
      f"with the 2: {np.var(2**0.5 * printed):.3f}")
with np.errstate(invalid="ignore"):
    printed_laplace = -np.sign(u) * np.log(1 - 2 * np.abs(u))
print(f"printed Laplace(0, 1) by the row (μ, b): "
      f"{np.mean(np.isnan(printed_laplace)):.1%} NaN, "
      f"smallest other draw {np.nanmin(printed_laplace):.4f}")
standard = np.log(u / v)
print(f"ln(e1/e2): mean {np.mean(standard):.3f}, variance "
      f"{np.var(standard):.3f} (Laplace(0, 1): 0 and 2)")
print(f"∫ exp(−|x|) dx = {np.sum(np.exp(-np.abs(fine))) * dx:.3f}")

# %% tags=["demo", "covers: X12"]
fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.8))
axis = np.linspace(-4, 4, 200)
bins = np.linspace(-4, 4, 41)
keep = printed_laplace[np.isfinite(printed_laplace)]
for ax, draws, total, exact, title in (
    (axes[0], printed, len(u), np.exp(densities.normal(axis)), "Gaussian"),
    (axes[1], keep, len(u), np.exp(densities.laplace(axis)),
     "Laplace(μ, b)"),
):
    counts, _ = np.histogram(draws, bins)
    ax.stairs(counts / total / (bins[1] - bins[0]), bins, fill=True,
              color=plots.ORANGE, alpha=0.7, label="as printed")
    ax.plot(axis, exact, color=plots.BLACK, label="density")
    ax.set(xlabel="x", title=title, ylim=(0, 0.85))
    ax.legend(loc="upper left", fontsize=11)
plots.show(fig, alt="Left: draws by the printed Gaussian row are too narrow "
           "for the standard normal density. Right: draws by the printed "
           "Laplace row all lie on the positive side, and half of them are "
           "missing because they are not numbers.")

# %% [markdown] tags=["covers: X12 D25 D26 D27 D28 D30 X15"]
# > <details><summary>Answer</summary>
# >
# > - **Cauchy** is right, and so is the *transformation* $\ln(e_1/e_2)$ for **Laplace(0, 1)**: it
# >   is the difference of two standard exponentials. The density beside it lacks ½.
# > - **Laplace(μ, b)**: $e$ must be uniform on $(-\frac12, \frac12)$. With [0, 1] half of the draws
# >   are logarithms of negative numbers.
# > - **Standard Gaussian**: $\sqrt{2 \ln(1/e_1)}$. Without the 2 the variance is ½.
# > - **Gaussian(μ, RRᵀ)**: $e \sim N(0, I)$, a vector; N(0, 1) is a number.
# > - **Log-normal**: μ; σ on one side and $N(\mu; \sigma^2)$ on the other: is the second argument
# >   an sd or a variance? Say `sd` or `var`. And its base contains the parameters: $\exp(e)$ with
# >   $e \sim N(\mu, \text{sd}=\sigma)$ is a true statement about distributions, but *no*
# >   reparameterization; $\exp(\mu + \sigma\varepsilon)$ is.
# > </details>

# %% [markdown] tags=["covers: D29 D30 D31 D22"]
# ### Which rows give a pathwise gradient?
#
# Being able to draw is not enough. Equation (2) wants the noise to be **free of the parameters**
# and the draw to be a **smooth function of them**. Both can be seen: hold the noise fixed, turn one
# parameter, and watch where the draws go.

# %% tags=["demo", "covers: D23 D27 D29 D30 D31"]
u = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
z = stats.norm.ppf(u)
shapes = np.linspace(1.2, 5.0, 120)
scales = np.linspace(0.2, 2.0, 120)
chances = np.linspace(0.0, 1.0, 400)
panels = [
    ("Gaussian: yes", "σ", scales, scales * z[:, None]),
    ("exponential: yes", "rate", scales, -np.log(u)[:, None] / scales),
    ("log-normal: yes", "σ", scales, np.exp(scales * z[:, None])),
    ("Laplace: yes", "b", scales,
     sampling.laplace(u[:, None], 0.0, scales)),
    ("inverse Gamma: implicitly", "shape", shapes,
     sampling.inverse_gamma(u[:, None], shapes, 2.0)),
    ("Rademacher: no", "p", chances,
     np.where(u[:, None] < chances, 1.0, -1.0)),
]
fig, axes = plt.subplots(3, 2, figsize=(6, 7.2))
for ax, (title, label, places, curves) in zip(axes.flat, panels,
                                              strict=True):
    no = title.endswith("no")
    for curve, color in zip(curves, plots.CYCLE, strict=False):
        ax.plot(places, curve, color=color, lw=1.6)
    if label == "shape":
        frozen = 2.0 / stats.gamma(2.5).ppf(u)
        ax.hlines(frozen, 1.2, 5.0, color=plots.BLACK, ls=":", lw=1.2)
        ax.set_ylim(0, 6)
    ax.set_title(title, fontsize=12,
                 color=plots.VERMILLION if no else plots.BLACK)
    ax.set_xlabel(label)
axes[0, 0].set_ylabel("draw")
axes[1, 0].set_ylabel("draw")
axes[2, 0].set_ylabel("draw")
plots.show(fig, alt="Draws against a parameter for five fixed noise values. "
           "Gaussian, exponential, log-normal and Laplace: smooth curves. "
           "Inverse Gamma: smooth curves too, but dotted horizontal lines if "
           "its Gamma base is treated as noise. Rademacher: steps from -1 to "
           "1, flat everywhere else.")

# %% [markdown] tags=["covers: D29 D31 D22"]
# - **Gaussian, exponential, log-normal, Laplace** (and Cauchy): smooth curves. Their slopes are the
#   factor $\nabla_\lambda t$ in (2).
# - **Rademacher**, 2e − 1 for a fair coin $e$: the draw is 1 or −1. With the coin's probability as
#   a parameter, a draw either does not move at all or jumps. Its slope is 0 wherever it exists, so
#   (2) gives 0, with no noise at all, and wrong. All discrete distributions share this fate.
# - **Inverse Gamma**, $1/e$ with $e$ a Gamma variable: tables list it, but the base
#   $e \sim \mathrm{Gamma}(\text{shape})$ still contains the parameter. Treat $e$ as noise, and the
#   draws do not move with the shape (dotted lines); the whole gradient in the shape is lost. Yet
#   the true draws *do* move smoothly (solid lines): $F(x; a) = u$ defines $x$ as a function of $a$
#   at fixed $u$, and differentiating this equation gives its slope without any formula for
#   $F^{-1}$,
#
# $$\frac{\partial F}{\partial x}\,\frac{dx}{da} + \frac{\partial F}{\partial a} = 0
# \quad\Longrightarrow\quad \frac{dx}{da} = -\,\frac{\partial F(x; a)/\partial a}{f(x; a)} .$$
#
#   This is **implicit reparameterization**; it makes Gamma, Beta, Dirichlet and Student variables
#   pathwise. `vi_lib.sampling` has it.
#
# In numbers: a derivative of an expectation that is known exactly, and the pathwise estimate.

# %% tags=["demo", "covers: D23 D24 D25 D26 D28 D29 D30 D31"]
rng = default_rng(6)
num = 100_000
u1, n1 = rng.uniform(size=num), rng.standard_normal(num)
u2, n2 = rng.uniform(size=(num, 2)), rng.standard_normal((num, 2))
root = np.array([[1.0, 0.0], [0.6, 0.8]])
rows = {  # name: derivative of E[h] in a parameter, its place, exact
    "exponential, E x, rate": (
        lambda a: np.mean(sampling.exponential(u1, a)), 1.5, -1 / 1.5**2),
    "Cauchy, E cos x, loc": (
        lambda a: np.mean(np.cos(sampling.cauchy(u1, a, 1.5))), 0.5,
        -np.sin(0.5) * np.exp(-1.5)),
    "Laplace, E x², b": (
        lambda a: np.mean(sampling.laplace(u1, 0.5, a) ** 2), 1.5, 6.0),
    "Gaussian, E x², sd": (
        lambda a: np.mean(sampling.gaussian(u2, 0.5, a) ** 2), 1.5, 3.0),
    "μ + aRε, E x₁x₂, a": (
        lambda a: np.mean(np.prod(
            sampling.mvn(n2, np.zeros(2), a * root), axis=1)), 1.5, 1.8),
    "log-normal, E x, sd": (
        lambda a: np.mean(sampling.lognormal(n1, 0.5, a)), 0.6,
        0.6 * np.exp(0.5 + 0.18)),
    "inverse Gamma, E x, shape": (
        lambda a: np.mean(sampling.inverse_gamma(u1, a, 2.0)), 4.0,
        -2.0 / 9),
    "  the same, 1/e frozen": (
        lambda a: np.mean(2.0 / stats.gamma(4.0).ppf(u1)) + 0.0 * a, 4.0,
        -2.0 / 9),
    "Rademacher, E (x−0.5)², p": (
        lambda a: np.mean(np.where(u1 < a, 0.25, 2.25)) + 0.0 * a, 0.5,
        -2.0),
    "Cauchy, E cos x, scale": (
        lambda a: np.mean(np.cos(sampling.cauchy(u1, 0.5, a))), 1.5,
        -np.cos(0.5) * np.exp(-1.5)),
}
print(f"{'':28s}  exact  pathwise")
for name, (expectation, place, exact) in rows.items():
    print(f"{name:28s}{exact:7.3f}{grad(expectation)(place):10.3f}")
try:
    grad(lambda p: np.mean(sampling.rademacher(u1, p)))(0.5)
except TypeError as error:
    print("the library refuses:", str(error)[:52])

# %% [markdown] tags=["covers: D22 X16"]
# Zero where the draws do not move. The last line is a surprise: the draws *do* move smoothly with
# the scale, $\partial x/\partial s = \tan(\pi u)$, and the cosine is as tame as can be. But that
# speed is itself a Cauchy variable, without a mean, so the average in (2) does not exist, and
# derivative and integral must not be exchanged. A large sample does not help. Heavy tails deserve
# a look at the speed of the draws, too.
#
# <details><summary><b>Concept 3:</b> a Gumbel variable is <code>-log(-log(u))</code>, and
# <code>argmax(log p + Gumbel noise)</code> is a draw of a category. The noise is free of the
# parameters. Is this a reparameterization?</summary>
#
# Half of one. The noise is free, but the argmax is a step function of p, so the draw does not move
# smoothly: the derivative is 0, as with Rademacher. Replacing the argmax by a softmax makes it
# smooth, at the price of being another distribution and hence of a bias.
# </details>
#
# > **Spot the error.** "Reparameterization gradients cannot be used in models with discrete
# > variables, so logistic and Poisson regression are out."
# >
# > <details><summary>Answer</summary>
# >
# > Only discrete *latents* are excluded, since it is the draw of a latent that must move. Data may
# > be as discrete as they like: $\log p(x \mid \theta)$ of a Bernoulli or Poisson observation is
# > smooth in $\theta$, and that is the slope which (2) needs. If a discrete latent cannot be
# > avoided, sum over its values (lesson 3), or use the score function for it.
# > </details>

# %% [markdown] tags=["covers: D18 D20 D34 B18 X13 X14"]
# ## 5 · The pathwise gradient of the ELBO
#
# Back to the ELBO. By (3) the entropy of a factorised Gaussian is
# $H[q] = \sum_d \log\sigma_d + \frac D2 \log 2\pi e$, so
#
# $$\mathcal L(\lambda) = E_{p(\varepsilon)}\big[\log p(x,\ \mu + \sigma\varepsilon)\big]
# + \sum_d \log\sigma_d + \text{constant} .$$
#
# Differentiate. The first term is (2) with $f = \log p(x, \cdot)$; with
# $r = \nabla_\theta \log p(x, \theta)$ at the draw, $\partial\theta/\partial\mu = 1$ and
# $\partial\theta/\partial\sigma = \varepsilon$. The second term contains no $\mu$:
#
# $$\boxed{\ \nabla_\mu \mathcal L \approx \frac1M \sum_{m=1}^M r_m, \qquad
# \nabla_\sigma \mathcal L \approx \frac1M \sum_{m=1}^M r_m\, \varepsilon_m + \frac1\sigma,
# \qquad r_m = \nabla_\theta \log p(x, \theta_m),\quad \theta_m = \mu + \sigma\varepsilon_m\ }
# \tag{4}$$
#
# All products are coordinate by coordinate. Read the second formula: $r\,\varepsilon$ is positive
# where $\log p$ rises *outwards*, and then $q$ should be wider; for a $q$ that is wide enough it is
# negative on average, and balances $1/\sigma$. I call (4) the **total derivative**, since
# everything in $\mathcal L$ that depends on $\lambda$ has been differentiated.
#
# ### Exercise 6.3 · The total pathwise gradient (5 points)
#
# Compute (4) for the given noise `eps` (S, D). `grad_log_joint` maps rows of $\theta$ to rows of
# slopes, (S, D) → (S, D). Return the two gradients, (D,) each, in `mu` and in `sd` (not in its
# logarithm). The entropy's gradient is to be taken in closed form; the other unbiased version is
# the next exercise, so here the comparison is exact.

# %% exercise="E6.3"
def reparameterization_gradient(grad_log_joint, mu, sd, eps):
    """Return the total pathwise gradient of the ELBO in mu and in sd.

    grad_log_joint: slope of log p(x, theta) in theta, (S, D) -> (S, D).
    mu, sd: (D,), parameters of q = N(mu, sd**2), sd > 0.
    eps: (S, D), standard normal noise, S >= 1.
    Returns (g_mu, g_sd), each of shape (D,): means over the S draws,
    with the entropy's gradient in closed form. Units: nats per theta.
    """
    ### BEGIN SOLUTION
    slope = grad_log_joint(mu + sd * eps)
    g_mu = np.mean(slope, axis=0)
    g_sd = np.mean(slope * eps, axis=0) + 1 / sd
    return g_mu, g_sd
    ### END SOLUTION

# %% check="E6.3" seed=6301

# %% [markdown] tags=["covers: X13 X14 D34"]
# > **Spot the error.** A slide heads its task "implement the *score-function* gradient" and prints
# > below it
# > $$\nabla_\lambda \mathcal L = \frac1M \sum_{j=1}^{m} \big(\nabla_\theta \log p_\theta(x, \theta_j) - \nabla_\theta \log q(\theta_j; \lambda)\big)\, \nabla_\lambda t(\varepsilon_j, \lambda) .$$
# >
# > <details><summary>Answer</summary>
# >
# > The formula is a *reparameterization* gradient: it has the slope of the model in it and no
# > score. The sum must run to $M$, the number it is divided by. The index in $p_\theta$ has lost
# > its way: $\theta$ is the latent, not a parameter of $p$. An average of draws *approximates* the
# > gradient: ≈. And whether the second term in the bracket is an entropy gradient is the question
# > of section 6.
# > </details>

# %% [markdown] tags=["covers: N18 N19 D34"]
# ### The regression again
#
# The five points of lesson 5, $y_i \sim N(\theta_0 + \theta_1 x_i, \text{sd} = 0.1)$ with
# $\theta_j \sim N(0, \text{sd} = 10)$. Posterior, evidence and the best factorised $q$ are known
# exactly, and so is the ELBO of every iterate.

# %% tags=["covers: N18"]
line = datasets.load("line_5")
model = oracles.LinearRegression(
    np.stack([np.ones(5), line["x"]], axis=1), line["y"],
    prior_sd=10.0, noise_sd=0.1,
)


def slope(theta):
    """Of log p(y, theta): what autograd finds, by hand, for speed."""
    residual = (model.y - theta @ model.X.T) / 0.1**2
    return residual @ model.X - theta / 10.0**2


best_mean, best_sd, best_kl = model.mean_field()
best_elbo = model.log_evidence - best_kl
prior = SimpleNamespace(mean=np.zeros(2), sd=np.full(2, 10.0))
print(datasets.describe("line_5"))
print("exact posterior mean", model.mean, " sd", model.sd)
print("best mean field mean", best_mean, " sd", best_sd)
print(f"log evidence {model.log_evidence:.4f}, best ELBO {best_elbo:.4f}")
some = best_mean + default_rng(5).standard_normal((3, 2))
found = elementwise_grad(model.log_joint)(some)
print("by hand as by autograd:", np.allclose(slope(some), found))

# %% [markdown] tags=["covers: N18 N19"]
# First both methods with the settings of the published notebook: five draws, step size $10^{-4}$,
# 1000 iterations in $(\mu, \log\sigma)$ from a standard normal $q$. Its authors check after each
# step whether the ELBO fell, and *undo* the step if so; we count.

# %% tags=["demo", "covers: N18 N19"]
def score_step(mu, sd, eps):
    return bbvi.score_function_gradient(
        model.log_joint, mu, sd, mu + sd * eps)


def total_step(mu, sd, eps):
    return pathwise.reparameterization_gradient(slope, mu, sd, eps)


def path_step(mu, sd, eps):
    return pathwise.path_derivative_gradient(slope, mu, sd, eps)


def climb(gradient, num_draws, rate, num_iter, seed=1):
    """Plain ascent in (mu, log sd); the end and the exact ELBOs."""
    rng, mu, omega = default_rng(seed), np.zeros(2), np.zeros(2)
    trace = np.empty(num_iter)
    for t in range(num_iter):
        sd = np.exp(omega)
        eps = rng.standard_normal((num_draws, 2))
        g_mu, g_sd = gradient(mu, sd, eps)
        mu, omega = mu + rate * g_mu, omega + rate * sd * g_sd
        q = SimpleNamespace(mean=mu, sd=np.exp(omega))
        trace[t] = bbvi.evidence_lower_bound(line, q, prior, 0.1)
    return mu, np.exp(omega), trace


published = {
    "score function": climb(score_step, 5, 1e-4, 1000),
    "pathwise, total": climb(total_step, 5, 1e-4, 1000),
}
for name, (mu, sd, trace) in published.items():
    steps = np.diff(trace)
    print(f"{name:16s} mean {mu} sd {sd} ELBO {trace[-1]:.3f}")
    print(f"{'':16s} {np.sum(steps < 0)} steps fell, by "
          f"{-np.sum(steps[steps < 0]):.1f} nats in all, "
          f"{np.sum(steps[:200] < 0)} of them among the first 200")
print(f"{'best mean field':16s} mean {best_mean} sd {best_sd} "
      f"ELBO {best_elbo:.3f}")
print(f"{'exact posterior':16s} mean {model.mean} sd {model.sd}")

# %% tags=["demo", "covers: N19"]
fig, ax = plt.subplots(figsize=(6, 3.8))
bold = climb(total_step, 5, 1e-3, 1000)
runs = {**published, "pathwise, step 10⁻³": bold}
for (name, (*_, trace)), style in zip(runs.items(), ("-", "--", "-"),
                                      strict=True):
    plots.elbo_trace(ax, trace, label=name)
    ax.lines[-1].set(linestyle=style, linewidth=1.5)
ax.axhline(best_elbo, color=plots.BLACK, lw=1.5, ls=":",
           label="best mean field")
ax.set_ylim(-25, -4)
ax.legend(loc="lower right")
print(f"step 1e-3: ELBO {bold[2][-1]:.3f} after 1000 iterations")
plots.show(fig, alt="Exact ELBO over 1000 iterations. With the published "
           "step size the pathwise curve rises smoothly and the score "
           "function's is ragged; both end almost three nats below the best "
           "mean-field value. Pathwise with a step ten times larger comes "
           "within a nat of it in 200 iterations.")

# %% [markdown] tags=["covers: N18 N19 D34"]
# The pathwise climb is smooth: few of its early steps fall, and all falls together lose little; the
# score function's lose many nats. But look at the sds: *both* are more than twice as wide as they
# should be. That is not noise, it is the step size: close to the end $\log\sigma$ creeps by
# $10^{-4}$ times a gradient of order 1. With so small a step 1000 iterations are not enough for
# anybody. The gain from less noise is that one can *afford* a larger step; with it, the third curve
# is within a nat of the best in 200 iterations. Let us vary what can be varied:

# %% tags=["demo", "covers: D34"]
print("  M    rate  steps    ELBO     gap   sd ratio   steps that fell")
settings = ((1, 1e-4, 1000), (25, 1e-4, 1000), (5, 1e-3, 1000),
            (5, 1e-3, 3000), (1, 1e-3, 3000))
for num_draws, rate, num_iter in settings:
    mu, sd, trace = climb(total_step, num_draws, rate, num_iter)
    print(f"{num_draws:3d} {rate:7.0e} {num_iter:6d} {trace[-1]:8.3f} "
          f"{best_elbo - trace[-1]:7.3f}   {sd / best_sd}   "
          f"{np.sum(np.diff(trace) < 0):5d}")
try:
    with np.errstate(all="ignore"):
        climb(score_step, 5, 1e-3, 1000)
    print("score function, M = 5, rate 1e-3: survived")
except ValueError as error:
    print("score function, M = 5, rate 1e-3:", str(error)[:48])

# %% [markdown] tags=["covers: D34"]
# At the small step more draws hardly help: nobody is held up by noise there. At the larger one the
# fit comes within two hundredths of a nat of the best factorised $q$, sds included, while the score
# function is thrown out of the picture. Half of the steps fall then: the iterates wobble about
# the optimum, as they must with a constant step (lesson 4), by an amount that is proportional to
# step and variance. A single draw has five times the variance, and it shows. So the settings belong
# together: less variance, larger steps, fewer iterations.

# %% tags=["demo", "covers: D34"]
mu, sd, trace = climb(total_step, 5, 1e-3, 3000)
print("pathwise fit    mean", mu, " sd", sd)
print("best mean field mean", best_mean, " sd", best_sd)
print("exact posterior mean", model.mean, " sd", model.sd)

# %% [markdown] tags=["covers: D19 D20 X09 X10"]
# ## 6 · Which derivative did you take?
#
# In (4) the entropy was taken in closed form. If it has none, write the whole ELBO as an average
# over noise, and mind that $\lambda$ stands in **two** places of $\log q$: as its parameter, and in
# the draw.
#
# $$\mathcal L(\lambda) = E_{p(\varepsilon)}\big[\log p(x, \theta) - \log q(\theta; \lambda)\big],
# \qquad \theta = t(\varepsilon, \lambda) .$$
#
# Differentiate both places:
#
# $$\nabla_\lambda \mathcal L = E_{p(\varepsilon)}\Big[
# \underbrace{\big(\nabla_\theta \log p(x, \theta) - \nabla_\theta \log q(\theta; \lambda)\big)\,
# \nabla_\lambda t}_{\text{along the path}}
# \; - \underbrace{\nabla_\lambda \log q(\theta; \lambda)\big|_{\theta \text{ fixed}}}_{
# \text{the score}}\ \Big] . \tag{5}$$
#
# The score has expectation zero under $q$ (lesson 5). So we may keep the last term or leave it out;
# both estimates are unbiased:
#
# - **kept**, the bracket of (5) is the *total* derivative of one draw;
# - **left out**, it is the **path derivative**, also known as *sticking the landing*:
#
# $$\boxed{\ \nabla_\lambda \mathcal L \approx \frac1M \sum_m
# \big(\nabla_\theta \log p(x, \theta_m) - \nabla_\theta \log q(\theta_m; \lambda)\big)\,
# \nabla_\lambda t(\varepsilon_m, \lambda)\ } \tag{6}$$
#
# Why "landing"? If $q$ is the posterior, $\log p(x, \theta) - \log q(\theta) = \log p(x)$ for
# **every** $\theta$; a constant has no slope, so *each single draw* of (6) is exactly 0. The total
# derivative is then minus a score: 0 on average, but noisy for ever. One who arrives with (6) can
# stay; one who arrives with (4) is pushed about.
#
# For our Gaussian $-\nabla_\theta \log q = (\theta - \mu)/\sigma^2 = \varepsilon/\sigma$. Put it
# into (5), with $\nabla_\mu t = 1$, $\nabla_\sigma t = \varepsilon$ and the scores
# $\varepsilon/\sigma$ and $(\varepsilon^2 - 1)/\sigma$ from E5.1:
#
# $$\text{in } \mu:\ r + \frac\varepsilon\sigma - \frac\varepsilon\sigma = r, \qquad
# \text{in } \sigma:\ \Big(r + \frac\varepsilon\sigma\Big)\varepsilon - \frac{\varepsilon^2 -
# 1}{\sigma} = r\,\varepsilon + \frac1\sigma .$$
#
# With the score kept, the Monte Carlo version of the entropy gives (4) *on every draw*. For a
# Gaussian there is no third estimator: closed entropy is the total derivative.
#
# > **Spot the error.** A lecture derives (5) with "… $+\ \nabla_\lambda \log q(\theta; \lambda)$"
# > at the end, drops the term because its expectation is 0, and calls (6) "the reparameterization
# > gradient", to be compared with the score function's in the lab.
# >
# > <details><summary>Answer</summary>
# >
# > The sign: the term comes from $-\log q$, so it is a **minus**. As the expectation is 0 the
# > result stands. But "the" reparameterization gradient hides a choice: what is dropped is zero
# > only *on average*, so (6) is another estimator than the total derivative that automatic
# > differentiation of the ELBO computes, with another variance. To get (6) from autograd one must
# > tell it to treat the parameters inside $\log q$ as constants.
# > </details>
#
# ### Exercise 6.4 · The path derivative (5 points)
#
# Compute (6) for $q = N(\mu, \text{sd} = \sigma)$ and the given noise. Arguments and results as in
# E6.3. Where $q$ is the posterior, every draw must give 0 (up to rounding), even a single one.

# %% exercise="E6.4"
def path_derivative_gradient(grad_log_joint, mu, sd, eps):
    """Return the path derivative of the ELBO in mu and in sd.

    grad_log_joint: slope of log p(x, theta) in theta, (S, D) -> (S, D).
    mu, sd: (D,), parameters of q = N(mu, sd**2), sd > 0.
    eps: (S, D), standard normal noise, S >= 1.
    Returns (g_mu, g_sd), each of shape (D,): means over the S draws;
    the score of q at fixed theta is left out. Units: nats per theta.
    """
    ### BEGIN SOLUTION
    slope = grad_log_joint(mu + sd * eps) + eps / sd
    return np.mean(slope, axis=0), np.mean(slope * eps, axis=0)
    ### END SOLUTION

# %% check="E6.4" seed=6401

# %% tags=["demo", "covers: D19 D20 X10"]
good = oracles.CorrelatedGaussian(best_mean, np.diag(best_sd**2))
good_slope = elementwise_grad(good.log_joint)
eps = default_rng(4).standard_normal((3, 2))
print("q is the posterior: single draws of dL/dmu, dL/dsd")
for row in eps:
    total = np.concatenate(pathwise.reparameterization_gradient(
        good_slope, best_mean, best_sd, row[None]))
    path = np.concatenate(pathwise.path_derivative_gradient(
        good_slope, best_mean, best_sd, row[None]))
    print("  total", np.round(total, 2), " path", np.abs(np.round(path, 8)))

# %% [markdown] tags=["covers: D19 X10 X36"]
# <details><summary><b>Concept 4:</b> you take the gradient of
# <code>np.mean(log_p(theta) - log_q(theta, mu, sd))</code> with <code>theta = mu + sd * eps</code>
# by autograd, in mu and sd. Which of the two is it, and how do you get the other?</summary>
#
# Both places of $\lambda$ are visible to autograd, so it is the total derivative. For the path
# derivative pass constants to $\log q$: compute `m0, s0 = mu, sd` outside of the function that is
# differentiated (a *stop-gradient*), and use `log_q(theta, m0, s0)` inside.
# </details>
#
# > **Spot the error.** A program draws `theta = mu + (sd + 1e-4) * eps`, "to keep the sd away from
# > 0", and evaluates `log_q(theta, mu, sd)` in the ELBO.
# >
# > <details><summary>Answer</summary>
# >
# > Draws and density belong to two different $q$. The average is then no ELBO of either, and
# > neither (4) nor the argument that the score averages to 0 applies. If a floor is wanted, put it
# > into `sd` once, before both uses.
# > </details>

# %% [markdown] tags=["covers: D57 D34"]
# ## 7 · The variance race
#
# Four unbiased estimators of one gradient. To choose we need a measure, and the simplest is the
# variance of one estimate, coordinate by coordinate: repeat, and see how it scatters.
#
# ### Exercise 6.5 · The variance of a gradient estimator (5 points)
#
# `estimator(rng)` returns one estimate, an array (P,), and draws its noise from `rng`. Call it
# `num_rep` times ($\ge 2$) and return the sample variance of each of the P parameters, with
# denominator `num_rep − 1`. Mind that gradients may be large compared with their scatter ($10^7$,
# say): $E[g^2] - E[g]^2$ then loses its digits.

# %% exercise="E6.5"
def gradient_variance(estimator, num_rep, rng):
    """Return the variance of each coordinate of a gradient estimator.

    estimator: function of a generator that returns one estimate, (P,).
    num_rep: number of independent estimates, at least 2.
    rng: the np.random.Generator to pass to the estimator, every time.
    Returns (P,): sample variances, denominator num_rep - 1.
    """
    ### BEGIN SOLUTION
    estimates = np.array([estimator(rng) for _ in range(num_rep)])
    centred = estimates - np.mean(estimates, axis=0)
    return np.sum(centred**2, axis=0) / (num_rep - 1)
    ### END SOLUTION

# %% check="E6.5" seed=6501

# %% [markdown] tags=["covers: D57 D34"]
# ### At the optimum everything can be worked out
#
# Let $q$ be the best factorised Gaussian of the regression, $\Lambda$ the posterior's precision, so
# that $\sigma_d^2 = 1/\Lambda_{dd}$ and $\mu$ is the posterior mean. Then
# $r_0 = -\Lambda_{00}\,\sigma_0\varepsilon_0 - \Lambda_{01}\,\sigma_1\varepsilon_1
# = -\varepsilon_0/\sigma_0 - \Lambda_{01}\sigma_1\varepsilon_1$. With the abbreviation
# $c^2 = \Lambda_{01}^2\sigma_0^2\sigma_1^2$ (the squared correlation of the posterior), the
# variance of one draw of $\partial\mathcal L/\partial\mu_0$ is
#
# $$\begin{aligned}
# \text{score:} \quad & \frac{\mathcal L^2 + 3c^2}{\sigma_0^2} && \text{(lesson 5)} \\
# \text{score with the best baseline:} \quad & \frac{3c^2}{\sigma_0^2} && \text{(lesson 5)} \\
# \text{total,}\ r_0: \quad & \frac{1 + c^2}{\sigma_0^2} && \text{two independent terms} \\
# \text{path,}\ r_0 + \varepsilon_0/\sigma_0: \quad & \frac{c^2}{\sigma_0^2}
#   && \text{only what the family cannot express is left.}
# \end{aligned} \tag{7}$$

# %% tags=["demo", "covers: D57"]
prec = np.linalg.inv(model.cov)
c2 = prec[0, 1] ** 2 * best_sd[0] ** 2 * best_sd[1] ** 2
theory = {
    "score": (best_elbo**2 + 3 * c2) / best_sd[0] ** 2,
    "score, baseline": 3 * c2 / best_sd[0] ** 2,
    "pathwise, total": (1 + c2) / best_sd[0] ** 2,
    "pathwise, path": c2 / best_sd[0] ** 2,
}
centre = prec @ model.mean


def per_draw(mu, sd, eps):
    """Each draw's dL/dmu_0 by all four estimators, eps (R, M, 2)."""
    theta = mu + sd * eps
    log_q = np.sum(densities.normal(theta, mu, sd), axis=-1)
    w, h = model.log_joint(theta) - log_q, eps[..., 0] / sd[0]
    num = eps.shape[1]
    others = (np.sum(w, axis=1, keepdims=True) - w) / max(num - 1, 1)
    r = centre[0] - theta[..., 0] * prec[0, 0] - theta[..., 1] * prec[0, 1]
    return {"score": h * w, "score, baseline": h * (w - others),
            "pathwise, total": r, "pathwise, path": r + h}


sizes = np.array([1, 2, 5, 10, 25, 50, 100])
race = {name: [] for name in theory}
for num in sizes:
    eps = default_rng([7, int(num)]).standard_normal((3000, num, 2))
    for name, rows in per_draw(best_mean, best_sd, eps).items():
        race[name].append(np.var(np.mean(rows, axis=1), ddof=1))
print("variance of dL/dmu_0       exact, M = 1   measured: M = 2   "
      "M = 10   M = 100")
for name, found in race.items():
    print(f"  {name:26s}{theory[name]:9.1f}{found[1]:19.0f}{found[3]:9.1f}"
          f"{found[6]:10.2f}")

# %% tags=["demo", "covers: D57"]
fig, ax = plt.subplots(figsize=(6, 4.4))
for (name, found), color, marker in zip(
    race.items(), (plots.VERMILLION, plots.ORANGE, plots.BLUE, plots.GREEN),
    "os^D", strict=True
):
    seen = slice(1 if "baseline" in name else 0, None)
    ax.loglog(sizes, theory[name] / sizes, "-", color=color, lw=1.2)
    ax.loglog(sizes[seen], np.array(found)[seen], marker, color=color,
              ms=7, label=name)
ax.set(xlabel="draws M", ylabel="variance of dL/dμ₀", ylim=(1, 6e4))
ax.legend(loc="upper right", fontsize=11)
needed = theory["score"] / theory["pathwise, path"]
print(f"one pathwise draw is worth {needed:.0f} of the score function")
plots.show(fig, alt="Variance of four gradient estimators against the number "
           "of draws on logarithmic axes: four parallel falling lines. From "
           "top to bottom: score, score with baseline, total pathwise just "
           "below it, path derivative. Points lie on the exact 1/M lines, "
           "but the baseline's first points lie above theirs.")

# %% [markdown] tags=["covers: D57"]
# Four parallel lines: all fall as $1/M$, and nothing but the height differs. The plain score
# function pays for the constant in its weight, $\mathcal L^2$. With a baseline it comes close to
# the total derivative *here*, at the optimum in two dimensions. (The leave-one-out baseline comes
# from few draws when $M$ is small, hence its first points lie above the line.)
#
# <details><summary><b>Concept 5:</b> why is the path derivative's variance not 0 at this
# optimum?</summary>
#
# Because $q$ is the best of its *family* and not the posterior: the correlation is left over. By
# (7) its variance is proportional to the squared correlation. With a full-rank family (lesson 8) it
# would vanish at the optimum. One can turn this round: what remains of the path derivative's
# noise shows how badly the family fits.
# </details>
#
# ### Away from the optimum
#
# Is the path derivative always better, then? Let $q$ have the right mean, but sds that are $k$
# times the best ones. By the same computation,
#
# $$\text{total:}\ \ \frac{k^2 (1 + c^2)}{\sigma_0^2}, \qquad
# \text{path:}\ \ \frac{(k - 1/k)^2 + k^2 c^2}{\sigma_0^2} \qquad(\sigma_0 \text{ the best sd}).$$

# %% tags=["demo", "covers: D57"]
factors = 10.0 ** np.linspace(-1.0, 1.0, 41)
curves = {
    "pathwise, total": factors**2 * (1 + c2) / best_sd[0] ** 2,
    "pathwise, path": ((factors - 1 / factors) ** 2 + factors**2 * c2)
    / best_sd[0] ** 2,
}
baseline, shown = [], factors[::4]
for k in shown:
    eps = default_rng(70).standard_normal((200, 200, 2))
    rows = per_draw(best_mean, k * best_sd, eps)
    baseline.append(np.var(rows["score, baseline"]))
fig, ax = plt.subplots(figsize=(6, 4))
for (name, curve), color, style in zip(
    curves.items(), (plots.BLUE, plots.GREEN), ("-", "--"), strict=True
):
    ax.loglog(factors, curve, style, color=color, label=name)
ax.loglog(shown, baseline, "s", color=plots.ORANGE, ms=6,
          label="score, baseline")
ax.axvline(1.0, color=plots.BLACK, lw=1, ls=":")
ax.set(xlabel="sds of q, relative to the best",
       ylabel="per-draw variance of dL/dμ₀")
ax.legend(loc="lower right", fontsize=11)
cross = factors[np.argmin(np.abs(np.log(curves["pathwise, total"])
                                 - np.log(curves["pathwise, path"])))]
print(f"equal at k = {0.5**0.5:.3f} (on the grid {cross:.2f})")
for k in (0.1, 0.5, 1.0, 3.0):
    ratio = ((k - 1 / k) ** 2 + k**2 * c2) / (k**2 * (1 + c2))
    print(f"k = {k:3.1f}: path / total = {ratio:8.2f}")
plots.show(fig, alt="Per-draw variance against the width of q on logarithmic "
           "axes. The total derivative falls steadily as q narrows. The path "
           "derivative has its minimum near the best width, equals the total "
           "one at 0.7 and is thousands of times larger at 0.1. The score "
           "with a baseline lies above both, everywhere.")

# %% [markdown] tags=["covers: D57"]
# For a $q$ that is much too **narrow** the path derivative is far *worse*: $-\log q$ is a steep
# hill then, and its slope is part of the noise. Below $k = 1/\sqrt2$ the total derivative wins. So:
# start wide, or switch to the path derivative late. "Beware of the variance" is the last line of
# the lecture this course grew from, and it applies to the remedies as well.
#
# ### Dimension
#
# Lesson 5 ended with a simple problem in $D$ dimensions, on which the score function needed a
# number of draws proportional to $D$. The same problem, pathwise:

# %% tags=["demo", "covers: D35 D57"]
print("p standard normal, q off by 0.2 in each mean; variance per draw")
for dim in (1, 10, 100, 1000):
    z = default_rng(dim).standard_normal((8000, dim))
    w = np.sum(-0.2 * z - 0.02, axis=1)
    f = z[:, 0] * (w - np.mean(w))
    print(f"D = {dim:4d}: score with baseline {np.var(f):6.2f}, "
          f"total {np.var(-(0.2 + z[:, 0])):.2f}, "
          f"path {np.var(-(0.2 + z[:, 0]) + z[:, 0]):.2f}")

# %% [markdown] tags=["covers: D35 D22 D21"]
# The score's variance grows with $D$; the others do not. (For few dimensions the score function with
# its baseline even beats the total derivative, since $q$ is almost $p$ and all weights are small.)
# A coordinate's slope does not hear the noise of the others, unless the model couples them. This,
# and not a constant factor, is why pathwise gradients train networks with millions of parameters.
#
# ## 8 · Where this breaks
#
# **Jumps.** If $\log p$ has a step, its slope knows nothing of it. Let $f(\theta)$ be 1 for
# $\theta > 0$ and 0 otherwise: $E_q[f]$ depends smoothly on $\mu$, and the pathwise gradient is 0
# on every draw. No variance, no warning. Smoothing the step trades this bias for variance.

# %% tags=["demo", "covers: D22 D35"]
rng = default_rng(8)
x = 0.3 + rng.standard_normal(200_000)
exact = np.exp(densities.normal(0.0, 0.3, 1.0))
by_score = (x > 0) * (x - 0.3)
print(f"d/dμ P(θ > 0), exact {exact:.4f}")
print(f"  score function       {np.mean(by_score):.4f}, variance per draw "
      f"{np.var(by_score):6.3f}")
print(f"  pathwise             {0.0:.4f}, variance per draw {0.0:6.3f}")
for width in (1.0, 0.1, 0.01):
    s = transforms.log_sigmoid(x / width)
    smooth = np.exp(s + transforms.log_sigmoid(-x / width)) / width
    print(f"  pathwise, width {width:4.2f} {np.mean(smooth):.4f}, "
          f"variance per draw {np.var(smooth):6.3f}")

# %% [markdown] tags=["covers: D57 D35"]
# **Rough functions.** "Pathwise has less variance" is an experience, no theorem. For
# $f(\theta) = \cos(\omega\theta)$ the slope grows with $\omega$, while the value stays between −1
# and 1. A log joint that wiggles (a chaotic simulator, a long recurrent network) is better treated
# as a black box.

# %% tags=["demo", "covers: D57"]
z = default_rng(9).standard_normal(200_000)
for omega in (0.5, 2.0, 10.0, 50.0):
    f, df = np.cos(omega * z), -omega * np.sin(omega * z)
    print(f"ω = {omega:4.1f}: variance of one draw of d/dμ E[cos ωθ]: "
          f"score {np.var(z * f):.3f}, pathwise {np.var(df):8.3f}")

# %% [markdown] tags=["covers: D22 D35 D29"]
# **Discrete latents**, as section 4 showed, and **distributions without a smooth path**. Which
# estimator, then?

# %% tags=["demo", "covers: D22 D35"]
fig, ax = plt.subplots(figsize=(6, 6.2))
ax.set(xlim=(0, 10), ylim=(0, 10.4))
ax.axis("off")
questions = [
    (9.4, "Can log p be differentiated in θ,\nand is it without jumps?"),
    (6.9, "Is a draw θ = t(ε, λ) smooth in λ,\nwith ε free of λ?"),
    (4.4, "Is q already close to\nthe posterior?"),
]
exits = [
    (9.4, "score function\n+ control variate,\nor sum it out", "no"),
    (6.9, "implicit derivative\n(Gamma, Beta, …);\ndiscrete: score", "no"),
    (4.4, "total derivative", "no, or\nunknown"),
]
for y, text in questions:
    ax.text(3, y, text, ha="center", va="center", fontsize=11, bbox={
        "boxstyle": "round,pad=0.5", "fc": "white", "ec": plots.BLUE})
for y, text, answer in exits:
    ax.annotate("", (7.1, y), (5.75, y), arrowprops={"arrowstyle": "-|>"})
    ax.text(6.35, y + 0.15, answer, ha="center", va="bottom", fontsize=10)
    ax.text(8.6, y, text, ha="center", va="center", fontsize=11, bbox={
        "boxstyle": "round,pad=0.4", "fc": "#fdf1d8", "ec": plots.ORANGE})
for top, bottom in ((8.75, 7.55), (6.25, 5.05), (3.75, 2.55)):
    ax.annotate("", (3, bottom), (3, top), arrowprops={"arrowstyle": "-|>"})
    ax.text(3.2, (top + bottom) / 2, "yes", va="center", fontsize=10)
ax.text(3, 1.9, "path derivative", ha="center", va="center", fontsize=11,
        bbox={"boxstyle": "round,pad=0.4", "fc": "#fdf1d8",
              "ec": plots.ORANGE})
print("three questions, four answers; measure the variance in any case")
plots.show(fig, alt="A flow chart. First question: can log p be "
           "differentiated, without jumps? If not: score function with a "
           "control variate, or sum out. Second: is the draw a smooth "
           "function of the parameters? If not: implicit derivative, or the "
           "score function for discrete ones. Third: is q close to the "
           "posterior? If not: total derivative; if yes: path derivative.")

# %% [markdown] tags=["covers: D35 D22 X16"]
# <details><summary><b>Concept 6:</b> which estimators are possible for (a) a simulator in C, (b) a
# mixture with discrete assignments, (c) logistic regression, (d) a Gamma q for a rate, (e) a model
# whose log density has a kink, as |θ| has?</summary>
#
# | problem | score | pathwise |
# |---|---|---|
# | (a) simulator | yes, needs values only | no, without derivatives |
# | (b) discrete assignments | yes | not for them; after summing them out, for the rest |
# | (c) logistic regression | yes | yes: only the data are discrete |
# | (d) Gamma q | yes | yes, by the implicit derivative |
# | (e) a kink | yes | yes: a kink is no jump; the slope exists almost everywhere |
#
# Generality against variance: the score function asks for less and knows less.
# </details>
#
# ## Summary
#
# - $\theta = t(\varepsilon, \lambda)$ moves the parameters from the distribution of the draws into
#   the integrand: $\nabla_\lambda E_q[f] = E[\nabla_\theta f\; \nabla_\lambda t]$.
# - It needs noise that is free of $\lambda$, a transformation smooth in $\lambda$, and a model with
#   a slope and without jumps. Discrete data are fine, discrete latents are not.
# - Expectations carry no Jacobian; $\log q$ does, and its $\log\sigma$ keeps $q$ from collapsing.
# - Total derivative: what autograd of the ELBO gives; for a Gaussian the same as with the entropy
#   in closed form. Path derivative: without the score; exactly 0 on every draw if $q = p$, and bad
#   for a $q$ that is too narrow.
# - All variances fall as $1/M$. At the optimum of the regression one draw has variance 13967
#   (score), 1000 (with baseline), 833 (total), 333 (path).
# - Tables of transformations contain errors: compare draws with the density.
#
# ## Open question (5 points)
#
# **A model where only the score function works.** Describe a model (not one of this lesson) whose
# ELBO can be climbed with the score-function gradient but not with a pathwise one. Say which of the
# conditions of section 2 fails and what the pathwise formula would return, if one computed it all
# the same. How would you keep the variance of the score function down in your model? And is there a
# way to change the model or $q$, without changing the question that is asked, so that pathwise
# gradients become possible? About ten sentences.

# %% [markdown] open="O6" points=5
# <!-- BEGIN SOLUTION -->
# Example: a machine fails at an unknown *day* $k$ (a whole number), and its daily output has mean
# $a$ before and $b$ after; $q(k)$ is a categorical distribution with logits $\lambda$ (1 point for
# a model with a discrete latent, a jump in $\log p$, or a $\log p$ without derivatives, such as a
# call to an external simulator).
#
# A draw of $k$ is a step function of the logits, whatever noise it is made from: it does not move
# smoothly (second condition), so $\nabla_\lambda t = 0$ almost everywhere and the pathwise formula
# returns 0 for the logits on every draw: no noise and no signal. The fit would leave $q(k)$ where
# it started, without any warning. (With a jump in $\log p$ the first factor lacks the jump, and the
# result is biased instead: exchanging derivative and integral is not allowed.) (1 point for the
# condition, 1 for what comes out.)
#
# The score function needs values of $\log p$ and of the score of a categorical, which exist.
# Variance: a leave-one-out baseline, since a constant in the weight counts; Rao-Blackwellisation,
# that is, only terms with $k$ in the weight; more draws; for the continuous $a$, $b$ pathwise
# gradients as before, so that the score function is used for $k$ alone (1 point for two of these).
#
# Here $k$ can be summed out: $p(y, a, b) = \sum_k p(k)\, p(y \mid k, a, b)$ is a finite sum, smooth
# in $a$ and $b$, and the question (where did it fail?) is answered afterwards by $p(k \mid y, a,
# b)$. Where the sum is too long, a continuous relaxation makes the draw smooth, but it changes
# the model or $q$ and hence the answer (1 point for a way, with what it costs).
# <!-- END SOLUTION -->

# %% [markdown] tags=["covers: D32"]
# ## References
#
# - D. Kingma, M. Welling, *Auto-Encoding Variational Bayes*, ICLR 2014: the reparameterization
#   trick and which distributions allow it, section 2.4.
# - D. Rezende, S. Mohamed, D. Wierstra, *Stochastic Backpropagation and Approximate Inference in
#   Deep Generative Models*, ICML 2014: the same idea, section 3.
# - G. Roeder, Y. Wu, D. Duvenaud, *Sticking the Landing: Simple, Lower-Variance Gradient Estimators
#   for Variational Inference*, NeurIPS 2017: total and path derivative, our (5) and (6), section 3.
# - S. Mohamed, M. Rosca, M. Figurnov, A. Mnih, *Monte Carlo gradient estimation in machine
#   learning*, JMLR 21, 2020: the pathwise estimator and its conditions, section 5; when which has
#   less variance, section 3.
# - M. Figurnov, S. Mohamed, A. Mnih, *Implicit Reparameterization Gradients*, NeurIPS 2018.
# - C. Zhang, J. Bütepage, H. Kjellström, S. Mandt, *Advances in Variational Inference*, IEEE TPAMI
#   2019 (preprint 2017): the survey behind the table of section 4.
# - C. Blundell, J. Cornebise, K. Kavukcuoglu, D. Wierstra, *Weight Uncertainty in Neural Networks*,
#   ICML 2015: $\sigma = \log(1 + e^\rho)$, section 3.2.
# - L. Devroye, *Non-Uniform Random Variate Generation*, 1986: inversion, chapter II.
# - G. Box, M. Muller, *A note on the generation of random normal deviates*, Annals of Mathematical
#   Statistics 29, 1958.
