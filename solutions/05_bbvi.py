# %% [markdown]
# # 5 · Black-box variational inference
#
# Coordinate ascent (lesson 2) needs a model whose every conditional has a closed form. Most have
# not. This lesson asks for almost nothing: a $q$ that one can draw from and whose density one can
# write down, and a model of which one can compute the *value* of $\log p(x, \theta)$. A simulator,
# a legacy program, a model with discrete unknowns: all are black boxes of this kind. The price is
# noise, and most of the lesson is about paying less of it.
#
# **You will be able to**
#
# - say why the gradient of a sample average is not the average gradient, and derive the
#   score-function gradient from two identities;
# - read the contribution of a single draw as an arrow, and say what the model decides about it;
# - tame the noise: more draws, a constant, a control variate, leaving out what does not matter;
# - find the mistakes in a published ELBO by computing it in two ways;
# - fit a posterior by black-box VI, and judge the fit against the exact answer: means *and*
#   standard deviations.
#
# **Before you start:** the ELBO and its forms (lesson 1), mean field (lesson 2), stochastic
# gradient ascent and step sizes (lesson 4); derivatives, expectations, NumPy arrays.
#
# **Time** about 150 minutes · **Points** 25 for five exercises, 5 for the open question.
#
# | exercise | you write | about | difficulty | points |
# |---|---|---|---|---|
# | E5.1 | the score of a Gaussian | 15 min | ●○○ | 4 |
# | E5.2 | the score-function gradient | 20 min | ●●○ | 6 |
# | E5.3 | the repair of a published ELBO | 25 min | ●●○ | 5 |
# | E5.4 | a control variate | 15 min | ●●○ | 5 |
# | E5.5 | black-box VI | 25 min | ●●● | 5 |
#
# An exercise is one function: replace `raise NotImplementedError` by your code, run the cell, then
# run the check below it. The check says which part is right and, where it can, which mistake was
# made. Everything else in this notebook runs without your answers.

# %%
from types import SimpleNamespace

import autograd.numpy as np
import matplotlib.pyplot as plt
from autograd import grad

from autograder.checks import check
from vi_lib import bbvi as library
from vi_lib import datasets, densities, oracles, plots
from vi_lib.flipbook import flipbook

plots.use_style()
np.set_printoptions(precision=4, suppress=True)
default_rng = np.random.default_rng

# %% [markdown]
# | symbol | in code | meaning |
# |---|---|---|
# | $x$, here also $y$ | `data` | the data: observed, fixed |
# | $\theta$ | `theta` (S, D) | what is unknown: S draws, one per row |
# | $\lambda = (\mu, \sigma)$ | `mu`, `sd` (D,) | parameters of $q$; `sd` is always a standard deviation |
# | $\omega = \log\sigma$ | `log_sd` (D,) | the same, free of the constraint $\sigma > 0$ |
# | $q(\theta; \lambda)$ | `log_q` | $\prod_d N(\theta_d;\, \mu_d, \text{sd} = \sigma_d)$, the factorised Gaussian; (S, D) → (S,) |
# | $\log p(x, \theta)$ | `log_joint` | the log joint, a black box: (S, D) → (S,), in nats |
# | $\mathcal L(\lambda)$ | `elbo` | $E_q[\log p(x, \theta) - \log q(\theta; \lambda)]$; we maximise it |
# | $h = \nabla_\lambda \log q$ | `h`, `d_mu`, `d_sd` | the score: one number per draw and parameter |
# | $w = \log p - \log q$ | `weight` (S,) | one number per draw, in nats |
# | $M$ | `num_samples` | draws in one estimate (S in the shapes) |
# | $\rho_t$ | `rho` | step size of iteration $t$ |

# %% [markdown] tags=["covers: D16 N18"]
# ## 1 · A posterior to aim at
#
# Five points on a line, and a straight line to fit:
#
# $$\theta_0, \theta_1 \sim N(0, \text{sd} = 10), \qquad
# y_i \mid \theta \sim N(\theta_0 + \theta_1 x_i,\ \text{sd} = 0.1), \qquad i = 1, \dots, 5 .$$
#
# $\theta_0$ is the offset, $\theta_1$ the slope. The model is so small that its posterior and its
# evidence $\log p(y)$ are known exactly. We will pretend not to know them, fit $q$ by black-box
# methods, and then look.

# %% tags=["covers: D16 N18"]
line = datasets.load("line_5")
x, y = line["x"], line["y"]
model = oracles.LinearRegression(
    np.stack([np.ones(5), x], axis=1), y, prior_sd=10.0, noise_sd=0.1
)
best_mean, best_sd, best_kl = model.mean_field()
print(datasets.describe("line_5"))
print("exact posterior mean ", model.mean, " sd", model.sd)
print("best mean field mean ", best_mean, " sd", best_sd)
print(f"log evidence {model.log_evidence:.4f}, best ELBO of a factorised q "
      f"{model.log_evidence - best_kl:.4f}")

# %% tags=["demo", "covers: D16"]
def draw_target(ax, xlim=(0.65, 1.25), ylim=(0.15, 1.1)):
    plots.contours(ax, model.log_joint, xlim, ylim, label="exact posterior")
    ax.set(xlabel="offset θ₀", ylabel="slope θ₁")


fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.6))
draws = default_rng(1).multivariate_normal(model.mean, model.cov, size=30)
grid = np.array([-0.1, 1.1])
for offset, slope in draws:
    left.plot(grid, offset + slope * grid, color=plots.SKY, lw=0.8)
left.plot(x, y, "o", color=plots.BLACK, label="data")
left.plot([], [], color=plots.SKY, label="posterior draws")
left.set(xlabel="x", ylabel="y", ylim=(0.8, 2.1))
left.legend(loc="upper left")
draw_target(right)
plots.ellipse(
    right, best_mean, np.diag(best_sd**2), label="best mean field"
)
right.legend(loc="upper right", fontsize=10)
plots.show(fig, alt="Left: five data points and thirty lines drawn from the "
           "posterior. Right: the exact posterior of offset and slope, a "
           "long ellipse of negative correlation, with the much smaller "
           "axis-parallel ellipse of the best factorised Gaussian inside.")

# %% [markdown]
# A line that starts higher must be flatter, so offset and slope are strongly correlated, and the
# best factorised $q$ is far too narrow (lesson 2). That is the price of the *family*; today we ask
# whether we can at least find this best $q$ when the model is a black box.

# %% [markdown] tags=["covers: D06 D12 X08 X14"]
# ## 2 · The gradient of a sample average is not what you want
#
# To climb $\mathcal L(\lambda)$ we need its gradient. The expectation is an integral, so we
# replace it by an average over draws:
#
# $$\mathcal L(\lambda) \approx \frac1M \sum_{m=1}^M
# \big[\log p(x, \theta_m) - \log q(\theta_m; \lambda)\big], \qquad \theta_m \sim q(\cdot; \lambda).$$
#
# > **Spot the error.** A slide prints this as
# > $\mathcal L = \frac1M \sum_{i=1}^{m} [\log p(x, \theta_j) - \log q(\theta_j)]$.
# >
# > <details><summary>Answer</summary>
# >
# > Write ≈: the right-hand side is a random number, the left-hand side is not. The sum runs over
# > one index, to the number of draws: with capital $M$ in front and small $m$ on top, with $i$ below
# > and $j$ inside, it says nothing.
# > </details>
#
# It is tempting to differentiate this average in $\lambda$. Let us try, against the exact gradient,
# which for this model is known.

# %% tags=["demo", "covers: D06"]
mu, sd = np.array([0.7, 0.9]), np.array([0.1, 0.2])
prec = np.linalg.inv(model.cov)
exact_mu = -prec @ (mu - model.mean)


def sample_average(mu, sd, theta):
    log_q = np.sum(densities.normal(theta, mu, sd), axis=1)
    return np.mean(model.log_joint(theta) - log_q)


print("exact gradient in mu:", exact_mu)
for num in (10, 1_000, 100_000):
    theta = mu + sd * default_rng(2).standard_normal((num, 2))
    naive = grad(sample_average)(mu, sd, theta)
    print(f"derivative of the average, M = {num:6d}:", naive)

# %% [markdown] tags=["covers: D06"]
# The more draws, the closer to **zero**, wherever $q$ stands. Look at what was differentiated: once
# drawn, $\theta_m$ is a number. In $\log p(x, \theta_m)$ there is no $\lambda$ at all, so the model
# drops out, and what remains is the average of $-\nabla_\lambda \log q$, which has expectation 0
# (we prove it in a moment). All the dependence on $\lambda$ that matters sits in the *distribution
# of the draws*, and that is lost in the moment of drawing.
#
# <details><summary><b>Concept 1:</b> if log p(x, θ) is replaced by another model, by how much
# does the "gradient" above change?</summary>
#
# Not at all, not even for one sample: its derivative in $\lambda$ at fixed draws is 0 for every
# model. A rule that does not look at the data cannot find the posterior.
# </details>

# %% [markdown] tags=["covers: D07 D11"]
# ## 3 · The score
#
# Write the ELBO as an integral, so that $\lambda$ becomes visible. The product rule and two small
# identities do the rest.
#
# **Log-derivative identity.** By the chain rule $\nabla_\lambda \log q = \nabla_\lambda q / q$, so
#
# $$\nabla_\lambda\, q(\theta; \lambda) = q(\theta; \lambda)\,
# \nabla_\lambda \log q(\theta; \lambda). \tag{1}$$
#
# $\nabla_\lambda \log q(\theta; \lambda)$ is called the **score**: the direction in which to move
# the parameters so that this $\theta$ becomes more likely. Identity (1) turns the derivative of a
# density back into something times a density, that is, into something we can sample.
#
# **The score has mean zero.** Use (1), exchange derivative and integral (fine for Gaussians, and
# whenever the support of $q$ does not move with $\lambda$), and remember that a density integrates
# to 1:
#
# $$E_q[\nabla_\lambda \log q] = \int q\, \nabla_\lambda \log q \, d\theta
# = \int \nabla_\lambda q \, d\theta = \nabla_\lambda \int q\, d\theta = \nabla_\lambda 1 = 0. \tag{2}$$
#
# For one coordinate of a Gaussian,
#
# $$\log q = -\tfrac12 \log 2\pi - \log\sigma - \frac{(\theta - \mu)^2}{2\sigma^2} .$$
#
# ### Exercise 5.1 · The score of a Gaussian (4 points)
#
# Derive the score of a Gaussian in its mean and in its **standard deviation** (not the variance,
# not the logarithm), by hand, and write it down for many draws and coordinates at once.
# `theta` is (S, D), `mu` and `sd` are (D,); both results are (S, D), one number for each draw and
# each parameter. Units of both: 1/θ. The check also looks at draws far out, where $q$ itself
# underflows to 0, and at integer arrays.

# %% exercise="E5.1"
def score_gaussian(theta, mu, sd):
    """Return d log N(theta; mu, sd**2) / d mu and / d sd, elementwise.

    theta: (S, D), any numbers; mu: (D,); sd: (D,), > 0.
    Returns (d_mu, d_sd), each of shape (S, D), in units of 1/theta.
    """
    ### BEGIN SOLUTION
    z = (theta - mu) / sd
    return z / sd, (z**2 - 1) / sd
    ### END SOLUTION

# %% check="E5.1" seed=5101

# %% [markdown]
# <details><summary><b>Concept 2:</b> for which draws does the score want a wider q?</summary>
#
# For draws more than one standard deviation from the mean: the score in $\sigma$ is
# $(z^2 - 1)/\sigma$ with $z = (\theta - \mu)/\sigma$. Far draws vote for widening, near ones for
# narrowing, and under $q$ itself the votes cancel: $E[z^2] = 1$. That is (2).
# </details>

# %% [markdown] tags=["covers: D07 D08 D09 D11 D12 X09"]
# ## 4 · The score-function gradient
#
# Now differentiate the ELBO under the integral sign, with the product rule and (1):
#
# $$\begin{aligned}
# \nabla_\lambda \mathcal L
# &= \nabla_\lambda \int q\, \big(\log p(x,\theta) - \log q\big)\, d\theta
# = \int \nabla_\lambda q\, \big(\log p(x,\theta) - \log q\big)\, d\theta
#   - \int q\, \nabla_\lambda \log q\, d\theta \\
# &= E_q\big[\nabla_\lambda \log q \,\big(\log p(x,\theta) - \log q\big)\big]
#   - \underbrace{E_q[\nabla_\lambda \log q]}_{=\,0 \text{ by (2)}} .
# \end{aligned}$$
#
# An expectation under $q$, so an average over draws estimates it without bias:
#
# $$\boxed{\ \nabla_\lambda \mathcal L \approx \frac1M \sum_{m=1}^M
# \underbrace{\nabla_\lambda \log q(\theta_m; \lambda)}_{\text{score: a vector}}\;
# \underbrace{\big(\log p(x, \theta_m) - \log q(\theta_m; \lambda)\big)}_{\text{weight: a number}} ,
# \qquad \theta_m \sim q\ } \tag{3}$$
#
# What does (3) ask for? That we can **draw** from $q$, and **evaluate** $\log q$, its score, and
# $\log p(x, \theta)$. Nothing else: no gradient of the model, no conjugacy, no posterior. The model
# may be a simulator, a table, or discrete in $\theta$. Hence the name black-box VI; in
# reinforcement learning the same estimator is called REINFORCE. And $M$ may be small, five draws or
# even one: the average of (3) over many repetitions is exact at any $M$.
#
# > **Spot the error.** A slide derives
# > $\nabla_\lambda \mathcal L = E_q[\nabla_\lambda \log q \,(\log p(x,\theta) - \log q)] + E_q[\nabla_\lambda \log q]$.
# > Is the result (3) in danger?
# >
# > <details><summary>Answer</summary>
# >
# > The sign of the last term is wrong, it comes from $-\log q$; but as its expectation is 0 the
# > result stands. One may even *keep* the term in an estimator: the mean is the same, the variance
# > is not. Section 5 makes a method of this.
# > </details>

# %% [markdown] tags=["covers: D08 D12 D17"]
# ### Exercise 5.2 · The score-function gradient (6 points)
#
# Estimate the gradient in `mu` and `sd` by (3). `theta` are given draws, (S, D), and stay fixed;
# `log_joint` takes rows, (S, D) → (S,), and gives values only: it cannot be differentiated. Return
# the averages over the draws, two arrays (D,). An estimator that differs on the given draws but has
# the same expectation (with a baseline, say) is right as well.

# %% exercise="E5.2"
def score_function_gradient(log_joint, mu, sd, theta):
    """Return the score-function estimate of the ELBO's gradient.

    log_joint: (S, D) -> (S,), in nats; mu, sd: (D,).
    theta: (S, D), draws from q = N(mu, sd**2).
    Returns (g_mu, g_sd), each of shape (D,): means over the S draws.
    """
    ### BEGIN SOLUTION
    z = (theta - mu) / sd
    log_q = np.sum(-0.5 * np.log(2 * np.pi) - np.log(sd) - z**2 / 2, axis=1)
    weight = (log_joint(theta) - log_q)[:, None]
    g_mu = np.mean(z / sd * weight, axis=0)
    g_sd = np.mean((z**2 - 1) / sd * weight, axis=0)
    return g_mu, g_sd
    ### END SOLUTION

# %% check="E5.2" seed=5201

# %% [markdown] tags=["covers: D13 X11"]
# ### One draw at a time
#
# What does one draw contribute? For the mean, the score is
# $\nabla_\mu \log q = \Sigma^{-1}(\theta - \mu)$ with $\Sigma = \mathrm{diag}(\sigma^2)$. It always
# points **away from the centre of $q$**, towards the draw (exactly so when all sds are equal).
# The weight is a single number. If it is positive the arrow keeps its direction, if it is negative
# it is turned round. So a draw can say "towards me" or "away from me", and nothing else; it knows
# nothing about where $p$ rises.
#
# In the figures $p(x, \theta)$ is a Gaussian in $\theta$ times a constant, chosen such that both
# signs occur (why we may choose it is the subject of section 5). First the two ingredients, for
# three draws: the scores, and scores times weights.

# %% tags=["demo", "covers: D13 X11"]
target = oracles.CorrelatedGaussian(
    np.array([1.1, 0.7]), np.array([[1.2, 0.4], [0.4, 0.9]])
)
q_mean, q_sd = np.zeros(2), np.array([1.0, 0.8])
exact_arrow = -np.linalg.inv(target.cov) @ (q_mean - target.mean)


def contributions(num, seed, constant=1.0):
    """Draws, their weights, and score times weight in mu."""
    theta = q_mean + q_sd * default_rng(seed).standard_normal((num, 2))
    log_q = np.sum(densities.normal(theta, q_mean, q_sd), axis=1)
    weight = target.log_joint(theta) + constant - log_q
    score, _ = library.score_gaussian(theta, q_mean, q_sd)
    return theta, weight, score * weight[:, None]


def frame(ax, lim=3.2):
    """Contours of p and q, on axes without numbers."""
    plots.contours(
        ax, target.log_joint, (-lim, lim), (-lim, lim), num=81,
        mass=(0.5, 0.9), fill=False, label="p (50 %, 90 %)"
    )
    plots.ellipse(ax, q_mean, np.diag(q_sd**2), mass=0.9,
                  color=plots.PURPLE, label="q (90 %)")
    ax.set(xlim=(-lim, lim), ylim=(-lim, lim), xticks=[], yticks=[])
    ax.spines[:].set_visible(True)
    ax.set_aspect("equal")


theta, weight, gradients = contributions(3, seed=35)
score, _ = library.score_gaussian(theta, q_mean, q_sd)
fig, axes = plt.subplots(1, 2, figsize=(6.4, 4.5))
for ax, title in zip(axes, ("score", "score × weight"), strict=True):
    frame(ax)
    ax.set_title(title)
axes[0].quiver(*theta.T, *score.T, angles="xy", scale_units="xy", scale=1.6,
               color=plots.ORANGE, width=0.012, zorder=3)
axes[0].plot(*theta.T, "o", color=plots.ORANGE, ms=9)
plots.gradient_arrows(axes[1], theta, gradients, weight, q_mean, scale=0.7)
axes[0].plot([], [], color=plots.ORANGE, lw=3, label="score, from its draw")
found = dict(zip(*reversed(axes[0].get_legend_handles_labels()), strict=True))
found |= dict(zip(*reversed(axes[1].get_legend_handles_labels()),
                  strict=True))
fig.legend(found.values(), found.keys(), loc="outside lower center", ncols=2)
print("     draw           score          weight   score × weight")
for row in zip(theta, score, weight, gradients, strict=True):
    print("({:5.2f}, {:5.2f})  ({:5.2f}, {:5.2f})  {:6.2f}   "
          "({:5.2f}, {:5.2f})".format(*np.hstack(row)))
plots.show(fig, alt="Two panels with the same three draws from q. Left: the "
           "scores, arrows that all lead from the draw away from the centre "
           "of q. Right: score times weight; where the weight is negative "
           "the arrow has turned round and leads back towards the centre. A "
           "black arrow at the centre is their mean.")

# %% [markdown] tags=["covers: D13 D15 X11"]
# > **Spot the error.** A lecture slide says: *the score-function gradient points towards the mode
# > of q.* Where does $\nabla_\mu \log q(\theta; \lambda) = \Sigma^{-1}(\theta - \mu)$ really point?
# >
# > <details><summary>Answer</summary>
# >
# > Away from it: from the mode of $q$, which is $\mu$, to the draw. Turning $\mu$ that way makes
# > the draw more likely. Only a *negative weight* turns the arrow round. (The derivative in
# > $\theta$ would point to the mode, but it is not what we use. And with unequal sds the arrow is
# > not exactly radial: it lies along $\Sigma^{-1}(\theta - \mu)$, which stretches the narrow
# > coordinate.)
# > </details>
#
# Now more draws. The dashed arrow is the exact gradient, drawn to the same scale as the mean of the
# draws. **Before you move the slider, guess:** with how many draws can the mean be trusted?

# %% tags=["demo", "covers: D13 D15"]
def arrows(ax, theta, weight, gradients, scale=0.7):
    frame(ax)
    plots.gradient_arrows(ax, theta, gradients, weight, q_mean, scale=scale)
    ax.annotate(
        "", q_mean + scale * exact_arrow, q_mean, zorder=6,
        arrowprops={"arrowstyle": "-|>", "color": plots.GREEN, "lw": 2.5,
                    "ls": "--", "mutation_scale": 18, "shrinkA": 0,
                    "shrinkB": 0},
    )
    ax.plot([], [], "--", color=plots.GREEN, lw=2.5, label="exact gradient")


def more_draws(fig, num):
    ax = fig.subplots()
    arrows(ax, *contributions(num, seed=35))
    fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center",
               ncols=2, fontsize=12)


flipbook(
    more_draws, (3, 5, 10, 25), label="M = {}", figsize=(5.0, 6.2),
    alt="Three, five, ten and 25 draws from q. Each draw has an arrow along "
        "the line to the centre of q: away from the centre and blue where its "
        "weight is positive, towards the centre and vermillion where it is "
        "negative. Their mean, a black arrow, comes closer to the dashed "
        "exact gradient as M grows."
)

# %% tags=["demo", "covers: D13 D15"]
print("exact gradient in mu", exact_arrow)
for num in (3, 5, 10, 25):
    theta, weight, gradients = contributions(num, seed=35)
    print(f"M = {num:2d}: mean of the draws", np.mean(gradients, axis=0),
          f" {np.sum(weight > 0)} weights > 0")

# %% [markdown] tags=["covers: D14 X11"]
# Read the picture draw by draw. A blue draw (+, $\log p(x, \theta) > \log q$) pulls the centre of
# $q$ towards itself. A vermillion draw (−) pushes it away, so its arrow leads back towards the
# centre and, if it is long, out on the other side. No single arrow points to the mode of $p$. The
# right direction emerges only in the mean, because pushes and pulls come from different sides.
#
# With five draws the mean is at their mercy:

# %% tags=["demo", "covers: D14"]
def five_draws(fig, number):
    ax = fig.subplots()
    arrows(ax, *contributions(5, seed=100 + number))
    ax.set_title("M = 5", fontsize=12)


flipbook(
    five_draws, range(1, 13), label="repetition {}", figsize=(4.4, 4.4),
    alt="Twelve repetitions with five draws each. The black mean arrow swings "
        "in length and direction from frame to frame; the dashed exact "
        "gradient never moves."
)

# %% tags=["demo", "covers: D12 D14"]
means = np.array(
    [np.mean(contributions(5, seed)[2], axis=0) for seed in range(2000)]
)
print("mean of 2000 estimates with M = 5:", np.mean(means, axis=0),
      " exact:", exact_arrow)
inner = means @ exact_arrow / np.linalg.norm(exact_arrow)
cosine = inner / np.linalg.norm(means, axis=1)
print(f"more than 30° off: {np.mean(cosine < np.cos(np.pi / 6)):.1%}, "
      f"more than 90° off: {np.mean(cosine < 0):.1%}")

# %% [markdown] tags=["covers: D09"]
# ## 5 · Only the joint is needed, up to a constant you can choose
#
# The posterior we are after is $p(\theta \mid x) = p(x, \theta) / p(x)$, and $p(x)$ is unknown. It
# does not matter. Add any constant $c$ to the log joint: by (2) the expectation changes by
#
# $$c\; E_q[\nabla_\lambda \log q] = 0 .$$
#
# The *variance* does change. Write $h$ for a component of the score and $f = h \cdot w$ for score
# times weight. Then the estimator with constant has $f + c\,h$ and
#
# $$\mathrm{Var}(f + c\,h) = \mathrm{Var} f + 2c\,\mathrm{Cov}(f, h) + c^2\, \mathrm{Var}\, h ,$$
#
# a parabola in $c$. The signs of the arrows, then, are no property of the model: a constant turns
# all of them round.

# %% tags=["demo", "covers: D09"]
theta, weight, gradients = contributions(400_000, seed=7, constant=0.0)
score, _ = library.score_gaussian(theta, q_mean, q_sd)
print("exact gradient in mu", exact_arrow)
for c in (-10.0, -2.0, 0.0, 1.0, 2.0, 10.0):
    f = gradients + c * score
    error = np.std(f[:, 0]) / np.sqrt(len(f))
    print(f"c = {c:5.1f}: mean of the first component "
          f"{np.mean(f[:, 0]):.3f} ± {error:.3f}, "
          f"variance of one draw {np.var(f[:, 0]):6.2f}")

# %% tags=["demo", "covers: D09"]
def shifted(fig, c):
    ax = fig.subplots()
    arrows(ax, *contributions(12, seed=21, constant=c), scale=0.4)
    ax.set_title("the same 12 draws", fontsize=12)


flipbook(
    shifted, (-4, -3, -2, -1, 0, 1, 2, 3, 4), label="c = {:+d}", start=5,
    figsize=(4.4, 4.4),
    alt="The same twelve draws with a constant c from -4 to 4 added to the "
        "log joint. At -4 all arrows point inwards, at 4 all point outwards, "
        "and they are long; around 1 they are short and of both signs. The "
        "exact gradient does not move."
)

# %% [markdown]
# <details><summary><b>Concept 3:</b> a colleague forgot the normalising constant of a prior, so his
# log joint is too small by 1000. What happens to his arrows, to his average, to his fit?</summary>
#
# Nearly every weight is about −1000, so every arrow points inwards and is enormous. The expectation
# is unchanged, the variance grows by about $1000^2\, \mathrm{Var}\, h$. The fit is right in theory
# and hopeless in practice, unless a constant is subtracted again.
# </details>

# %% [markdown] tags=["covers: D10"]
# ### One factor at a time
#
# $q$ factorises, so the gradient can be taken one variable at a time. For the parameters
# $\lambda_d$ of the factor $q_d$ the score is that of $q_d$ alone,
# $h_d = \nabla_{\lambda_d} \log q_d(\theta_d)$, and of the weight only those terms matter that
# contain $\theta_d$. For a term $g$ *without* $\theta_d$ is independent of $h_d$ under $q$, so
#
# $$E_q[h_d\, g] = E_q[h_d]\; E_q[g] = 0 \qquad \text{by (2)} :$$
#
# leaving it out does not change the expectation. The other factors of $q$ can go, and so can all
# terms of the log joint that do not mention $\theta_d$. This is called **Rao-Blackwellisation**; in
# models with many local variables it matters more than anything else (section 10). But test it.
# Here the joint does not fall apart, only $\log q$ does:

# %% tags=["demo", "covers: D10"]
log_q = densities.normal(theta, q_mean, q_sd)
log_p = target.log_joint(theta) + 1.0
whole = score[:, 0] * (log_p - np.sum(log_q, axis=1))
own = score[:, 0] * (log_p - log_q[:, 0])
for name, f in (("all of log q", whole), ("own factor of log q", own)):
    print(f"{name:20s}: mean {np.mean(f):.3f} "
          f"± {np.std(f) / np.sqrt(len(f)):.3f}, "
          f"variance of one draw {np.var(f):.2f}")

# %% [markdown] tags=["covers: D12 D15"]
# The mean is the same, as it must be. The variance has *grown*: the other factor of $q$ had cancelled
# part of $\log p$, which in this model contains both unknowns in every term. What lowers the
# variance for certain (Rao and Blackwell's theorem) is to replace the weight by its average over
# the other unknowns, given $\theta_d$. Leaving terms out is the cheap part of that, and does its
# work where $\log p$ falls apart into terms with few unknowns each. So: leave out in pairs, from
# $\log p$ and $\log q$ together, and measure.
#
# ## 6 · More draws: the variance falls as 1/M
#
# Draws are independent, so the variance of their average is the variance of one divided by $M$. On
# the regression of section 1, for a $q$ half-way to the optimum:

# %% tags=["demo", "covers: D12 D15"]
def log_weights(mu, sd, theta):
    log_q = np.sum(densities.normal(theta, mu, sd), axis=-1)
    return model.log_joint(theta) - log_q


half_mu, half_sd = best_mean + np.array([0.05, -0.02]), 1.5 * best_sd
sizes = np.array([1, 2, 5, 10, 25, 50, 100])
spread = []
for num in sizes:
    z = default_rng(int(num)).standard_normal((2000, num, 2))
    w = log_weights(half_mu, half_sd, half_mu + half_sd * z)
    g = np.mean(z / half_sd * w[..., None], axis=1)
    spread.append(np.var(g[:, 0]))
    print(f"M = {num:3d}: variance of the estimate of dL/dmu0 "
          f"{spread[-1]:8.1f}, times M {num * spread[-1]:8.0f}")
exact_half = -np.linalg.inv(model.cov) @ (half_mu - model.mean)
print(f"square of the exact dL/dmu0: {exact_half[0] ** 2:.1f}")

# %% tags=["demo", "covers: D15"]
fig, ax = plt.subplots()
ax.loglog(sizes, spread, "o", label="2000 repetitions each")
ax.loglog(sizes, np.mean(sizes * spread) / sizes, "--",
          color=plots.VERMILLION, label="1/M")
ax.axhline(exact_half[0] ** 2, color=plots.GREEN, lw=1.5,
           label="(exact gradient)²")
ax.set(xlabel="draws M", ylabel="variance of dL/dμ₀")
ax.legend()
plots.show(fig, alt="Variance of the gradient estimate against the number of "
           "draws on logarithmic axes: points on a falling straight line of "
           "slope minus one. Below M = 10 the variance exceeds the squared "
           "gradient many times.")

# %% [markdown]
# Half the error costs four times the draws. Below the green line the signal exceeds the noise; with
# five draws we are far above it. There must be a better way than brute force. But first we need a
# ruler.
#
# <details><summary><b>Concept 4:</b> one step with M = 100, or a hundred steps with M = 1 and a step
# size a hundred times smaller?</summary>
#
# To first order the same: a hundred tiny steps average their gradients, as long as $\lambda$ hardly
# moves meanwhile. Small steps adapt on the way, and large $M$ vectorises. What never helps is
# $M = 1$ with the *large* step.
# </details>

# %% [markdown] tags=["covers: N18 X01 X02 X03 X04 X05"]
# ## 7 · A ruler: the exact ELBO, and a bug hunt
#
# For the regression, $E_q$ can be done by hand, so we can watch the true ELBO during a fit. With
# $m_j, s_j$ for the means and sds of $q$, three pieces:
#
# $$\begin{aligned}
# E_q \log p(\theta) &= \sum_j \Big[-\tfrac12 \log 2\pi - \log \text{sd}_j
#   - \frac{E[\theta_j^2] - 2\, m_j\, \text{mean}_j + \text{mean}_j^2}{2\,\text{sd}_j^2}\Big],
#   \qquad E[\theta_j^2] = m_j^2 + s_j^2, \\
# E_q \log p(y \mid \theta) &= \sum_i \Big[-\tfrac12 \log 2\pi - \log \text{noise}
#   - \frac{E[(y_i - \theta_0 - \theta_1 x_i)^2]}{2\,\text{noise}^2}\Big], \\
# H[q] &= \sum_j \tfrac12 \log(2\pi e\, s_j^2), \qquad
# \mathcal L = E_q \log p(\theta) + E_q \log p(y \mid \theta) + H[q] .
# \end{aligned}$$
#
# A published course notebook contains such a function. The one below is written in our words, but
# computes exactly what that one does, in the students' and in the solution's version alike.
# All ELBO figures of that lesson were drawn with it.

# %% tags=["covers: N18 X01 X02 X03 X04 X05"]
def published_elbo(data, q, prior, noise_sd):
    m, s = q.mean, q.sd
    second = m**2 + s**2  # E[theta_j^2]
    expected_log_p = 0.0
    for j in range(2):  # E[log p(theta_j)]
        square = second[j] - 2 * m[j] * prior.mean[j] + prior.mean[j] ** 2
        expected_log_p += -0.5 * np.log(2 * np.pi)
        expected_log_p += -0.5 * np.log(prior.sd[j])
        expected_log_p += -0.5 * square / prior.sd[j] ** 2
    for x, y in zip(data["x"], data["y"], strict=True):
        # E[log p(y | theta)]: first (y - theta_0)^2, then the slope
        square = y**2 - 2 * y * m[0] + second[0]
        square += second[0] + 2 * m[0] * m[1] + second[1] * x**2
        square -= 2 * y * m[1] * x
        expected_log_p += -0.5 * np.log(2 * np.pi)
        expected_log_p += -0.5 * np.log(noise_sd)
        expected_log_p += -0.5 * square / noise_sd**2
    entropy = np.sum(0.5 * np.log(2 * np.pi * np.e * s**2))
    return expected_log_p - entropy


best_q = SimpleNamespace(mean=best_mean, sd=best_sd)
prior = SimpleNamespace(mean=np.zeros(2), sd=np.full(2, 10.0))
published = published_elbo(line, best_q, prior, noise_sd=0.1)
print(f"published function at the best q: {published:.2f}")
print(f"log evidence minus KL(q || p):    "
      f"{model.log_evidence - best_kl:.4f}")

# %% [markdown]
# That is not a small slip. An ELBO must not exceed the evidence, but it need not be hundreds of
# nats below it either. Worse is what happens when it is *maximised*. Shrink the sds of the best $q$
# by a common factor and compare:

# %% tags=["demo"]
factors = 10.0 ** np.linspace(-1.7, 0.5, 45)
curves = {"right": [], "published": []}
for k in factors:
    q = SimpleNamespace(mean=best_mean, sd=k * best_sd)
    curves["right"].append(
        library.evidence_lower_bound(line, q, prior, 0.1)
    )
    curves["published"].append(published_elbo(line, q, prior, 0.1))
fig, ax = plt.subplots()
for (name, curve), style in zip(curves.items(), ("-", "--"), strict=True):
    highest = np.max(curve)
    ax.semilogx(factors, np.array(curve) - highest, style, label=name)
    print(f"{name:9s}: highest at {factors[np.argmax(curve)]:.2f} "
          "times the best sds")
ax.set(xlabel="sds of q, relative to the best", ylim=(-12, 1),
       ylabel="ELBO − its highest (nats)")
ax.legend()
plots.show(fig, alt="Two curves against a common factor on the standard "
           "deviations. The right ELBO is highest at factor 1. The published "
           "one rises all the way to the smallest factor shown, 0.02.")

# %% [markdown] tags=["covers: X01 X02 X03 X04 X05"]
# With the published function the best posterior is a point: nothing rewards width any more.
#
# ### Exercise 5.3 · The repair of a published ELBO (5 points)
#
# Copy the body of `published_elbo` into the cell below and repair it. There are **five** bugs, one
# point each. Your tools: the three formulas above, and $(y - \theta_0 - \theta_1 x)^2$ expanded on
# paper. Some experiments that isolate a bug: no data at all (`x` and `y` may be empty), a prior sd
# of 1, an enormous noise sd, a $q$ whose entropy is 0. `prior.mean` need not be 0. Or write the
# function your own way: any route to the right number is fine. Return one number, in nats.

# %% exercise="E5.3"
def evidence_lower_bound(data, q, prior, noise_sd):
    """Return the exact ELBO of the regression y ~ N(theta_0 + theta_1 x, sd).

    data: dict of x and y, each (N,), N = 0 allowed.
    q, prior: objects with mean (2,) and sd (2,); theta_0 is the offset.
    noise_sd: standard deviation of the noise. All constants are kept.
    """
    ### BEGIN SOLUTION
    m, s = q.mean, q.sd
    second = m**2 + s**2  # E[theta_j^2]
    expected_log_p = 0.0
    for j in range(2):  # E[log p(theta_j)]
        square = second[j] - 2 * m[j] * prior.mean[j] + prior.mean[j] ** 2
        expected_log_p += -0.5 * np.log(2 * np.pi)
        expected_log_p += -np.log(prior.sd[j])
        expected_log_p += -0.5 * square / prior.sd[j] ** 2
    for x, y in zip(data["x"], data["y"], strict=True):
        # E[log p(y | theta)]: first (y - theta_0)^2, then the slope
        square = y**2 - 2 * y * m[0] + second[0]
        square += 2 * m[0] * m[1] * x + second[1] * x**2
        square -= 2 * y * m[1] * x
        expected_log_p += -0.5 * np.log(2 * np.pi)
        expected_log_p += -np.log(noise_sd)
        expected_log_p += -0.5 * square / noise_sd**2
    entropy = np.sum(0.5 * np.log(2 * np.pi * np.e * s**2))
    return expected_log_p + entropy
    ### END SOLUTION

# %% check="E5.3" seed=5301

# %% tags=["demo"]
right = library.evidence_lower_bound(line, best_q, prior, 0.1)
theta = best_mean + best_sd * default_rng(5).standard_normal((200_000, 2))
w = log_weights(best_mean, best_sd, theta)
prec = np.linalg.inv(model.cov)
gap = 0.5 * (np.sum(np.log(np.diag(prec))) - np.linalg.slogdet(prec)[1])
print(f"ELBO at the best q, exact     {right:.4f}")
print(f"the same by 200 000 draws     {np.mean(w):.4f} "
      f"± {np.std(w) / np.sqrt(len(w)):.4f}")
print(f"log evidence                  {model.log_evidence:.4f}")
print(f"difference                     {model.log_evidence - right:.4f}")
print(f"(Σ log Λ_ii − log |Λ|) / 2     {gap:.4f}")

# %% [markdown]
# The remaining difference is no error. It is $\mathrm{KL}(q \,\|\, p)$ of the best factorised $q$,
# $\tfrac12(\sum_i \log \Lambda_{ii} - \log |\Lambda|)$ with $\Lambda$ the posterior's precision
# (lesson 2): the price of ignoring the correlation. No optimiser can earn it back.
#
# A lesson in method, too: **two independent computations of one number** (by hand and by draws)
# would have found the published bugs in a minute.

# %% [markdown] tags=["covers: X06 X07 X15"]
# > **Spot the error.** The same notebook states its model as "$\theta_0 x + \theta_1$",
# > "$\theta_j \sim N(0, 10)$" and "noise $N(0, 0.1)$". The code has $\theta_0$ as the offset,
# > and sds of 10 and 0.1. And a comment claims that $\nabla \log p(D \mid \theta)$
# > contains $+1/\sigma^2$. What would you write?
# >
# > <details><summary>Answer</summary>
# >
# > $\theta_0 + \theta_1 x$, and a name for the second argument: N(0, sd = 10), sd = 0.1. Read as
# > variances, 10 and 0.1 would mean sds of 3.16 and 0.316, which is another posterior. In this
# > course a Gaussian's second argument is always called `sd`, `var` or `prec`. And the log
# > likelihood knows nothing of $q$'s $\sigma$: a term $+1/\sigma$ belongs to the gradient of the
# > *entropy* in $\sigma$.
# > </details>

# %% [markdown]
# ## 8 · Control variates
#
# Here is one score-function draw after the other at the best $q$, where the exact gradient is
# **0**: first the score $h$ of $\mu_0$ and the contribution $f = h\,w$.

# %% tags=["demo"]
theta = best_mean + best_sd * default_rng(8).standard_normal((1_000_000, 2))
w = log_weights(best_mean, best_sd, theta)
h = np.concatenate(
    library.score_gaussian(theta, best_mean, best_sd), axis=1
)
f = h * w[:, None]
f_new, a = library.control_variate(f, h)
names = ("mu_0", "mu_1", "sd_0", "sd_1")
for k, name in enumerate(names):
    print(f"dL/d{name}: per-draw variance {np.var(f[:, k]):7.0f}, "
          f"with control variate {np.var(f_new[:, k]):5.0f}, "
          f"a = {a[k]:.3f}")
print(f"ELBO {right:.3f}")

# %% tags=["demo"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.8), sharey=True)
few = slice(None, 300)
for ax, values, title in zip(
    axes, (f, f_new), ("f = h w", "f − a h"), strict=True
):
    ax.plot(h[few, 0], values[few, 0], ".", ms=5)
    ax.axhline(0, color=plots.GREEN, lw=1.5)
    ax.set(xlabel="score h of μ₀", title=title)
axes[0].plot(h[few, 0], a[0] * h[few, 0], "--", color=plots.VERMILLION,
             label="a h")
axes[0].set_ylabel("contribution to dL/dμ₀")
axes[0].legend()
plots.show(fig, alt="Left: 300 contributions to the gradient against their "
           "scores lie close to a falling straight line through the origin. "
           "Right: after the line is subtracted only a small scatter around "
           "zero is left.")

# %% [markdown]
# The weight is about −5 on every draw, so $f$ is nearly a multiple of $h$: almost all of its
# variation is variation of something whose mean we *know* to be 0. Subtract it:
#
# $$f_{\text{new}} = f - a\,h, \qquad E[f_{\text{new}}] = E[f] - a \cdot 0 = E[f]
# \quad\text{for every fixed } a .$$
#
# Which $a$? $\mathrm{Var}(f - a h) = \mathrm{Var} f - 2a\,
# \mathrm{Cov}(f,h) + a^2\, \mathrm{Var}\,h$ is a parabola
# in $a$; its derivative $-2\,\mathrm{Cov}(f, h) + 2a\,\mathrm{Var}\,h$ vanishes at
#
# $$a^* = \frac{\mathrm{Cov}(f, h)}{\mathrm{Var}\, h}, \qquad
# \mathrm{Var}(f - a^* h) = \mathrm{Var} f \,\big(1 - \mathrm{corr}(f, h)^2\big). \tag{4}$$
#
# ### Exercise 5.4 · A control variate (5 points)
#
# Given contributions `f` (S, P) and their scores `h` (S, P), compute (4) **column by column**, with
# covariance and variance from the S rows. A column of `h` that does not vary gets $a = 0$.
# Coefficients from other draws than those they are applied to (leave-one-out, split halves) are
# accepted too. Return the corrected draws (S, P), not their mean.

# %% exercise="E5.4"
def control_variate(f, h):
    """Return f - a h and a = Cov(f, h) / Var(h) for each column.

    f: (S, P), contributions of S >= 2 draws to P gradients.
    h: (S, P), the scores, whose expectation is 0.
    Returns (f_new, a): (S, P) and (P,); a is 0 where h does not vary.
    """
    ### BEGIN SOLUTION
    centred = h - np.mean(h, axis=0)
    cov = np.mean((f - np.mean(f, axis=0)) * centred, axis=0)
    var = np.mean(centred**2, axis=0)
    a = np.where(var > 0, cov / np.where(var > 0, var, 1.0), 0.0)
    return f - a * h, a
    ### END SOLUTION

# %% check="E5.4" seed=5401

# %% [markdown]
# ### How much was there to gain?
#
# At the best $q$ everything can be worked out. With $\delta_d = \theta_d - \mu_d$ the quadratic
# terms of $\log p$ and $\log q$ cancel (that is what makes $q$ the best), and the weight is
# $w = \mathcal L - \Lambda_{01}\, \delta_0 \delta_1$. Let
# $r^2 = \Lambda_{01}^2\sigma_0^2\sigma_1^2$. With $h = \delta_0/\sigma_0^2$ and the moments 1 and 3
# of a Gaussian's square and fourth power,
#
# $$\mathrm{Var}(h w) = \frac{\mathcal L^2 + 3 r^2}{\sigma_0^2}, \qquad
# \mathrm{Var}\big(h\,(w - \mathcal L)\big) = \frac{3 r^2}{\sigma_0^2} .$$
#
# The first contains the square of the ELBO, that is, of an arbitrary constant! The best constant
# is the ELBO itself, and indeed the fitted $a$ above is close to it in every column.

# %% tags=["demo"]
r2 = prec[0, 1] ** 2 * best_sd[0] ** 2 * best_sd[1] ** 2
print("per-draw variance of dL/dmu_0 at the best q, exact: "
      f"score {(right**2 + 3 * r2) / best_sd[0] ** 2:.1f}, "
      f"with baseline {3 * r2 / best_sd[0] ** 2:.1f}")
theta = half_mu + half_sd * default_rng(9).standard_normal((400_000, 2))
w = log_weights(half_mu, half_sd, theta)
h = np.concatenate(library.score_gaussian(theta, half_mu, half_sd), axis=1)
_, a = library.control_variate(h * w[:, None], h)
print("at the q half-way: mean weight "
      f"{np.mean(w):.2f}, best a per coordinate", np.round(a, 2))

# %% [markdown]
# Away from the optimum every coordinate has its own best $a$, and a common constant (a *baseline*)
# is only a compromise, though a good one.
#
# ### The catch: a from the same draws
#
# In (4), $a$ is estimated. If it comes from the **same** draws it is applied to, it is no longer a
# fixed number: $E[\hat a\, \bar h] \neq 0$, because the $\hat a$ that fits these draws best also
# explains part of the signal away. A remedy is the **leave-one-out** baseline, which gives each
# draw the average weight of the *others*; that is independent of the draw's score, so nothing is
# lost:
#
# $$b_m = \frac{1}{M-1} \sum_{k \neq m} w_k, \qquad
# w_m - b_m = \frac{M}{M-1}\,(w_m - \bar w), \qquad E[h_m b_m] = E[h_m]\,E[b_m] = 0 . \tag{5}$$

# %% tags=["demo"]
print(f"exact dL/dmu_0 {exact_half[0]:.2f}     mean ± error (sd of one run)")
for num in (3, 5, 10, 20, 100):
    repeats = 1_000_000 // num
    z = default_rng([7, num]).standard_normal((repeats, num, 2))
    w = log_weights(half_mu, half_sd, half_mu + half_sd * z)
    h = z[..., 0] / half_sd[0]
    f = h * w
    gap_h = h - np.mean(h, axis=1, keepdims=True)
    a = np.mean(f * gap_h, axis=1) / np.mean(gap_h**2, axis=1)
    others = (np.sum(w, axis=1, keepdims=True) - w) / (num - 1)
    results = {
        "plain": np.mean(f, axis=1),
        "a from the same draws": np.mean(f, axis=1) - a * np.mean(h, axis=1),
        "leave-one-out": np.mean(h * (w - others), axis=1),
    }
    for name, g in results.items():
        error = np.std(g) / np.sqrt(repeats)
        print(f"  M = {num:3d} {name:22s} {np.mean(g):7.2f} ± {error:.2f}"
              f"   ({np.std(g):5.1f})")

# %% [markdown]
# With three draws, $\hat a$ from the same draws takes away two thirds of the gradient; the bias
# falls as 1/M and is small at 100. The leave-one-out form has none at any $M \ge 2$, and still
# little more than half the spread of the plain estimator. For small $M$ take leave-one-out, split
# the draws in halves, or use a baseline from earlier iterations.
#
# <details><summary><b>Concept 5:</b> why may the baseline depend on earlier iterations, but not on
# the draw it is subtracted from?</summary>
#
# $E[h_m b] = E[h_m]\,E[b] = 0$ needs $h_m$ and $b$ to be independent. Earlier draws are independent
# of today's. The draw itself is not: in $b = \bar w$ its own weight takes part, and the estimator
# shrinks to $(M-1)/M$ of the gradient (exactly what the factor in (5) repairs).
# </details>

# %% [markdown] tags=["covers: D05 D10 N18"]
# ## 9 · Black-box VI
#
# Everything is ready. Standard deviations must stay positive, so we step in $\omega = \log\sigma$;
# by the chain rule $\partial \mathcal L/\partial\omega =
# \sigma\, \partial \mathcal L/\partial\sigma$.
#
# > **Algorithm.** Start from $\mu, \omega$. For $t = 1, 2, \dots$:
# > 1. draw $\varepsilon$, (M, D) standard normal; $\theta = \mu + e^{\omega} \varepsilon$;
# > 2. note the ELBO estimate, the average weight of these draws;
# > 3. estimate the gradients in $\mu$ and $\sigma$ by (3), at the current $\mu, \omega$;
# > 4. $\mu \leftarrow \mu + \rho_t\, g_\mu$, $\ \omega
# > \leftarrow \omega + \rho_t\, \sigma\, g_\sigma$.
#
# ### Exercise 5.5 · Black-box VI (5 points)
#
# Write it, as plain ascent. `rho` is a number or a function of $t$, with $t$ from 1. Draw
# `rng.standard_normal((num_samples, D))` once in each iteration and nothing else, so that the first
# steps can be compared exactly. You may call your own functions of E5.1 and E5.2; the library's are
# the solution and do not count. `mu` and `log_sd` belong to the caller: work on copies. The last
# part of the check fits a correlated Gaussian, and accepts any optimiser.

# %% exercise="E5.5"
def bbvi(log_joint, mu, log_sd, num_iter, num_samples, rho, rng):
    """Maximise the ELBO by stochastic ascent in mu and log_sd, both (D,).

    log_joint: (S, D) -> (S,), in nats; num_iter, num_samples: >= 1.
    rho: step size, a number or a function of t = 1, 2, ...
    rng: np.random.Generator, the source of all noise.
    Returns a dict of mu and log_sd (D,) after the last step;
    elbo (num_iter,), the mean weight of each iteration's draws; and
    history (num_iter, D), the mean after each step.
    """
    ### BEGIN SOLUTION
    mu, log_sd = np.array(mu, dtype=float), np.array(log_sd, dtype=float)
    elbo, history = [], []
    for t in range(1, num_iter + 1):
        sd = np.exp(log_sd)
        z = rng.standard_normal((num_samples, len(mu)))
        theta = mu + sd * z
        log_q = np.sum(-0.5 * np.log(2 * np.pi) - log_sd - z**2 / 2, axis=1)
        weight = log_joint(theta) - log_q
        step = rho(t) if callable(rho) else rho
        g_mu = np.mean(z / sd * weight[:, None], axis=0)
        g_sd = np.mean((z**2 - 1) / sd * weight[:, None], axis=0)
        mu = mu + step * g_mu
        log_sd = log_sd + step * sd * g_sd
        elbo.append(np.mean(weight))
        history.append(mu)
    return {
        "mu": mu,
        "log_sd": log_sd,
        "elbo": np.array(elbo),
        "history": np.array(history),
    }
    ### END SOLUTION

# %% check="E5.5" seed=5501

# %% [markdown] tags=["covers: N18"]
# ### The regression, fitted
#
# First with the settings of the published notebook: five draws, step size $10^{-4}$, 1000
# iterations, from a standard normal $q$. We note the *exact* ELBO of every iterate, which no fit in
# real life would know. A second run subtracts a baseline from the log joint: a running average of
# the ELBO estimates of earlier iterations, allowed by sections 5 and 8.

# %% tags=["demo", "covers: D05 N18"]
def exact_elbo(mu, log_sd):
    q = SimpleNamespace(mean=mu, sd=np.exp(log_sd))
    return library.evidence_lower_bound(line, q, prior, 0.1)


def climb(start, num_samples, rho, num_iter, seed, baseline=False):
    """Run BBVI step by step: the end, the exact ELBOs, the estimates."""
    rng, level, (mu, log_sd) = default_rng(seed), 0.0, start
    trace, estimates = [exact_elbo(mu, log_sd)], []
    for _ in range(num_iter):
        one = library.bbvi(
            lambda theta, level=level: model.log_joint(theta) - level,
            mu, log_sd, 1, num_samples, rho, rng,
        )
        mu, log_sd = one["mu"], one["log_sd"]
        estimates.append(one["elbo"][0] + level)
        level = level + 0.1 * one["elbo"][0] if baseline else 0.0
        trace.append(exact_elbo(mu, log_sd))
    return (mu, log_sd), np.array(trace), np.array(estimates)


start = (np.zeros(2), np.zeros(2))
runs = {
    (num, base): climb(start, num, 1e-4, 1000, seed=1, baseline=base)
    for num in (5, 10, 25)
    for base in (False, True)
}
fig, ax = plt.subplots()
for base, name in ((False, "M = 5"), (True, "M = 5, baseline")):
    plots.elbo_trace(ax, runs[5, base][1], label=name, view_from=150,
                     log_evidence=None if base else model.log_evidence)
ax.legend(loc="lower right")
plots.show(fig, alt="Exact ELBO over 1000 iterations with five draws, plain "
           "and with a baseline. Both rise steeply and then crawl; the plain "
           "curve is ragged, that with the baseline much smoother. After "
           "1000 iterations both are still more than three nats below the "
           "dashed log evidence.")

# %% [markdown] tags=["covers: N18"]
# In real life there is no exact ELBO to watch. What one sees is the estimate of each iteration,
# from the same five draws that made the step:

# %% tags=["demo", "covers: N18"]
_, trace, estimates = runs[5, False]
fig, ax = plt.subplots()
ax.plot(np.arange(1, 1001), estimates, ".", color=plots.SKY, ms=4,
        label="estimate from 5 draws")
plots.elbo_trace(ax, trace, label="exact", color=plots.BLUE)
ax.axhline(model.log_evidence, color=plots.BLACK, ls="--", lw=1.5,
           label="log p(x)")
ax.set(ylim=(-40, 5))
ax.legend(loc="lower right")
late = estimates[-200:]
print(f"last 200 estimates: mean {np.mean(late):.2f}, sd {np.std(late):.2f}, "
      f"exact ELBO from {np.min(trace[-200:]):.2f} "
      f"to {np.max(trace[-200:]):.2f}")
print(f"estimates above log p(x) = {model.log_evidence:.2f}: "
      f"{np.mean(late > model.log_evidence):.0%}")
plots.show(fig, alt="The estimates of the ELBO scatter by several nats around "
           "the exact curve, some of them above the dashed log evidence, "
           "which no exact ELBO exceeds.")

# %% [markdown] tags=["covers: N18"]
# A single estimate may lie above the evidence, which no ELBO does, and the scatter of the dots
# hides the slow climb below them. Average a window of estimates before you judge.
#
# How often does a step make things worse? The published notebook checks, and **undoes** such a
# step. Let us count how often it would have to:

# %% tags=["demo", "covers: N18"]
print("steps out of 1000 that lower the exact ELBO")
for (num, base), (_, trace, _) in runs.items():
    name = "with baseline" if base else "plain"
    print(f"  M = {num:2d}, {name:13s} {np.sum(np.diff(trace) < 0):4d}   "
          f"final ELBO {trace[-1]:.3f}")

# %% [markdown]
# With five plain draws four steps in ten go the wrong way, and the climb succeeds all the same: the
# steps need to be right *on average*. Baseline and more draws both reduce the waste.
#
# <details><summary><b>Concept 6:</b> why not undo every bad step?</summary>
#
# It needs the exact ELBO, which we only have because this model is a toy. Judged by a *noisy*
# estimate, the undo rule keeps steps that were lucky with their draws: the mean step is no longer
# the gradient, and Robbins and Monro's guarantee (lesson 4) is gone. And if the judge is the buggy
# ELBO of section 7, it undoes the good steps.
# </details>
#
# Where did the fit end?

# %% tags=["demo"]
def compare(title, end):
    mu, log_sd = end
    print(f"{title:28s} mean {mu}  sd {np.exp(log_sd)}  "
          f"ELBO {exact_elbo(mu, log_sd):.3f}")


compare("published settings", runs[5, False][0])
compare("same, with baseline", runs[5, True][0])
compare("best mean field", (best_mean, np.log(best_sd)))
print(f"{'exact posterior':28s} mean {model.mean}  sd {model.sd}")

# %% [markdown]
# The means look fine. The sds are **more than twice** those of the best factorised $q$, and larger
# even than those of the exact posterior: the fit has simply not arrived. Whoever prints the means
# only will not notice. So we go on from there with fifty draws: 2000 iterations with ten times the
# step, then 1000 with a fifth of that, so that the noise can die out (lesson 4). Once without and
# once with the baseline:

# %% tags=["demo"]
ends = {}
for base in (False, True):
    middle = runs[5, True][0]
    first, trace_1, _ = climb(middle, 50, 1e-3, 2000, seed=2, baseline=base)
    ends[base], trace_2, _ = climb(first, 50, 2e-4, 1000, 3, baseline=base)
    ends[base, "trace"] = np.concatenate([trace_1, trace_2])
compare("plain, continued", ends[False])
compare("with baseline, continued", ends[True])
compare("best mean field", (best_mean, np.log(best_sd)))
print(f"{'exact posterior':28s} mean {model.mean}  sd {model.sd}")

# %% tags=["demo"]
fig, (top, bottom) = plt.subplots(2, 1, figsize=(6, 7.4))
for base, name in ((False, "plain"), (True, "with baseline")):
    plots.elbo_trace(top, ends[base, "trace"], label=name, view_from=700)
top.axhline(right, color=plots.GREEN, lw=1.5, label="best mean field")
top.legend(loc="lower right")
plt.setp(top.lines, linewidth=1.0)
draw_target(bottom, xlim=(0.65, 1.27), ylim=(0.1, 1.3))
for end, name, color, style in (
    (runs[5, False][0], "published settings", plots.BLUE, ":"),
    (ends[True], "continued, baseline", plots.ORANGE, "-"),
    ((best_mean, np.log(best_sd)), "best mean field", plots.GREEN, "--"),
):
    plots.ellipse(bottom, end[0], np.diag(np.exp(2 * end[1])), color=color,
                  label=name, linestyle=style)
bottom.legend(loc="upper center", ncols=2, fontsize=10)
plots.show(fig, alt="Top: exact ELBO of the continued fits. The plain run "
           "flickers well below the best mean-field value, the run with "
           "baseline settles on it. Bottom: the exact posterior; the q of "
           "the published settings is a far too wide ellipse, the continued "
           "fit coincides with the best factorised Gaussian.")

# %% [markdown]
# ## 10 · Where this breaks
#
# **Dimension.** The weight is a sum over everything in the model. Its variance therefore grows with
# the number of dimensions, and every coordinate's gradient gets the noise of all. Below, $p$ is a
# standard normal in $D$ dimensions and $q$ is off by 0.2 in each mean: an easy problem, solved
# with a leave-one-out baseline. How many draws until the noise of a coordinate is as small as its
# gradient? Once with the whole weight, and once with that part of it which contains $\theta_d$:

# %% tags=["demo", "covers: D10"]
print("   D   gradient   variance of one draw       draws needed")
print("                   whole    own part        whole    own part")
for dim in (1, 10, 100, 1000):
    z = default_rng(dim).standard_normal((4000, dim))
    parts = -0.2 * z - 0.02  # log p - log q, coordinate by coordinate
    needed = []
    for w in (np.sum(parts, axis=1), parts[:, 0]):
        needed.append(np.var(z[:, 0] * (w - np.mean(w))))
    print(f"{dim:4d}     -0.2  {needed[0]:10.2f} {needed[1]:10.2f}"
          f" {needed[0] / 0.04:12.0f} {needed[1] / 0.04:10.0f}")

# %% [markdown]
# Linear in $D$ with the whole weight. Two cures: leave out of the weight what does not contain
# $\theta_d$ (section 5), which here removes the growth completely, because this $p$ factorises;
# and use the gradient of the model where it exists, which is the subject of the next lesson.
#
# **Too bold a step.** The noise is proportional to the weights, and far from the posterior these
# are thousands of nats. One unlucky draw can throw $\omega$ so far that everything overflows:

# %% tags=["demo"]
try:
    library.bbvi(model.log_joint, *start, 1000, 5, 1e-2, default_rng(1))
except ValueError as error:
    print(type(error).__name__, "in iteration", error.iteration)

# %% [markdown]
# Small steps at first, more draws, and a baseline from the first iteration on are the remedies.
#
# **A support that moves with λ**, such as a uniform $q$ on $(0, \lambda)$: (2) fails, since
# derivative and integral must not be exchanged, and the estimator is biased.
#
# **The family's limit.** Nothing here knows of the correlation that $q$ cannot express. The ELBO
# tells how close we are to the best $q$ only if we know that best value; the gap to the evidence
# remains.

# %% [markdown] tags=["covers: X16"]
# > **Spot the error.** "Gradient-based VI cannot handle discrete variables."
# >
# > <details><summary>Answer</summary>
# >
# > Discrete *data* are never a problem: a Bernoulli or Poisson likelihood is smooth in its
# > parameters. Discrete *latents* rule out the gradients of the next lesson, which differentiate
# > $\log p$ in $\theta$. The score-function gradient does not: (3) needs values only.
# > </details>

# %% [markdown]
# ## Summary
#
# - Differentiating a sample average at fixed draws loses the model: its expectation is 0.
# - $\nabla \mathcal L = E_q[\text{score} \times \text{weight}]$ needs only values of
#   $\log p(x, \theta)$, and these only up to a constant.
# - One arrow lies along $\Sigma^{-1}(\theta - \mu)$; the model decides its sign and length, through
#   a single number.
# - The variance falls as $1/M$. A constant does not change the expectation but can ruin the
#   variance; the best one removes most of it, provided it does not come from the same draw.
# - Judge a fit by its ELBO against a known bound, and by its **sds**, not by its means.
# - Compute an ELBO in two ways before you trust it.
#
# ## Open question (5 points)
#
# Look at the arrows of section 4 again. **Explain the direction of the arrows**: along which line
# does the contribution of one draw to the gradient in $\mu$ lie, and what decides which way it
# points and how long it is? What changes, for one arrow and for their average, when a constant is
# added to the log joint? Which information about $p$ reaches a single arrow, and how can the
# average nevertheless find the way to $p$? About ten sentences; a sketch in words is welcome.

# %% [markdown] open="O5" points=5
# <!-- BEGIN SOLUTION -->
# The contribution of a draw is score times weight. The score in $\mu$ is
# $\Sigma^{-1}(\theta - \mu)$: it lies on the line from the centre of $q$ to the draw (exactly so
# for equal sds, otherwise stretched in the narrow coordinates) and points away from the centre,
# since moving $\mu$ that way makes the draw more likely (1 point). The weight
# $\log p(x,\theta) - \log q(\theta)$ is one number: where it is positive the arrow keeps that
# direction and pulls $\mu$ to the draw, where it is negative the arrow is turned round and pushes
# $\mu$ away; its length is proportional to the size of the weight and grows with the distance of
# the draw (1 point).
#
# A constant $c$ in the log joint adds $c$ times the score to each arrow, so it can turn all of
# them: the sign of a single arrow has no meaning of its own. The expectation does not change,
# because the score has mean zero under $q$; the variance does (1 point).
#
# A single arrow learns of $p$ only the value at its draw, nothing about the slope of $p$ there, so
# it cannot know where $p$ rises (1 point). The average is the covariance of score and weight: draws
# on the side where $\log p - \log q$ is larger get larger weights than those on the opposite side,
# their arrows no longer cancel, and the difference points to where $p$ exceeds $q$. This
# comparison of values across $q$ is a finite difference made of random points, which is why it
# needs many draws (1 point).
# <!-- END SOLUTION -->

# %% [markdown]
# ## References
#
# - R. Ranganath, S. Gerrish, D. Blei, *Black Box Variational Inference*, AISTATS 2014: the gradient,
#   eq. (2), and its estimate, (3), our (3); algorithm 1; Rao-Blackwellisation, section 3.1; control
#   variates, our (4), section 3.2.
# - D. Blei, A. Kucukelbir, J. McAuliffe, *Variational Inference: A Review for Statisticians*, JASA
#   112, 2017: where black-box methods stand among the others, section 5.
# - C. Bishop, *Pattern Recognition and Machine Learning*, 2006: the regression's posterior,
#   eqs. (3.50)-(3.51); its best factorised approximation, (10.12)-(10.15).
# - R. Williams, *Simple statistical gradient-following algorithms for connectionist reinforcement
#   learning*, Machine Learning 8, 1992: REINFORCE and its baselines.
# - W. Kool, H. van Hoof, M. Welling, *Buy 4 REINFORCE samples, get a baseline for free!*, 2019: the
#   leave-one-out baseline, our (5).
# - S. Mohamed, M. Rosca, M. Figurnov, A. Mnih, *Monte Carlo gradient estimation in machine
#   learning*, JMLR 21, 2020: section 4 on the score function, section 7 on control variates.
# - H. Robbins, S. Monro, *A stochastic approximation method*, 1951: why steps that are right on
#   average suffice.
