# %% [markdown]
# # 2 · Mean field and coordinate ascent
#
# A posterior with many unknowns is hard because everything in it hangs together. *Mean field* cuts
# the threads: it looks for the best approximation among the distributions whose coordinates are
# independent. For many models each factor of that approximation can be found exactly while the
# others are held fixed, and going round the factors again and again is an algorithm: *coordinate
# ascent variational inference*, CAVI.
#
# **You will be able to**
#
# - derive the optimal factor, $q_j \propto \exp E_{-j}[\log p]$, and say which constants may be
#   dropped, and why;
# - predict what mean field does to a correlated posterior, and what it costs in nats;
# - derive and write the updates and the ELBO of a model with unknown mean and precision;
# - run coordinate ascent, read its ELBO, and hold the fit against the exact posterior: means *and*
#   standard deviations.
#
# **Before you start:** lesson 1 (KL divergence and ELBO), Gaussian and Gamma densities, the inverse
# of a matrix; NumPy arrays.
#
# **Time** about 140 minutes · **Points** 23 for five exercises, 5 for the open question.
#
# | exercise | you write | about | difficulty | points |
# |---|---|---|---|---|
# | E2.1 | the best factorised Gaussian, and what it costs | 20 min | ●●○ | 4 |
# | E2.2 | the update of the mean's factor | 10 min | ●○○ | 4 |
# | E2.3 | the update of the precision's factor | 15 min | ●●○ | 4 |
# | E2.4 | the ELBO, term by term | 30 min | ●●● | 6 |
# | E2.5 | coordinate ascent | 20 min | ●●○ | 5 |
#
# An exercise is one function: replace `raise NotImplementedError` by your code, run the cell, then
# run the check below it. The check says which part is right and, where it can, which mistake was
# made. Everything else in this notebook runs without your answers.

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy.special import digamma, gammaln

from autograder.checks import check
from vi_lib import cavi, datasets, densities, oracles, plots
from vi_lib.flipbook import flipbook

plots.use_style()
default_rng = np.random.default_rng

# %% [markdown]
# | symbol | in code | meaning |
# |---|---|---|
# | $x$ | `x` (N,) | the data: observed, fixed |
# | $\theta = (\theta_1, \dots, \theta_D)$ | `theta` | everything unknown |
# | $q(\theta) = \prod_j q_j(\theta_j)$ | | the mean-field family: one factor for each unknown |
# | $E_{-j}[\,\cdot\,]$ | | average over all factors but $q_j$; a function of $\theta_j$ is left |
# | $H[q]$ | | entropy, $-E_q[\log q]$, in nats |
# | $\mathcal L(q)$ | `elbo` | evidence lower bound, $E_q[\log p(x, \theta)] + H[q]$; we maximise it |
# | $\Sigma,\ \Lambda = \Sigma^{-1}$ | `cov` (D, D) | covariance and precision matrix of a Gaussian target |
# | $m_i$, $s_i$ | `mean`, `sd` (D,) | mean and standard deviation of the Gaussian factor $q_i$ |
# | $\mu$, $\gamma$ | | the unknowns of sections 4 to 8: mean and precision of the data |
# | $\mu_0, \tau_0$ | `mu0`, `tau0` | prior mean and prior *precision* of $\mu$ |
# | $\alpha_0, \beta_0$ | `alpha0`, `beta0` | prior shape and prior *rate* of $\gamma$ |
# | $\nu_q, \tau_q$ | `nu_q`, `tau_q` | mean and *precision* of $q(\mu)$ |
# | $\alpha_q, \beta_q$ | `alpha_q`, `beta_q` | shape and *rate* of $q(\gamma)$; $E[\gamma] = \alpha_q / \beta_q$ |
#
# A Gaussian's second argument is always called `sd`, `var` or `prec`. Logarithms are natural.

# %% [markdown] tags=["covers: B28"]
# ## 1 · Cut the threads
#
# The **mean-field family** consists of all distributions in which the unknowns are independent of
# each other,
#
# $$q(\theta) = q_1(\theta_1)\, q_2(\theta_2) \cdots q_D(\theta_D) . \tag{1}$$
#
# Nothing else is asked: each factor may have any form, and each $\theta_j$ may be a number or a
# block of numbers. What can such a product *not* do? Take a posterior over two unknowns, a Gaussian
# with standard deviations 1 and correlation $\rho = 0.8$. The contours of a product of two
# Gaussians are ellipses with axes along the coordinates: it cannot lean. **Before you look:** which
# of these upright ellipses has the highest ELBO, that is, the smallest $\mathrm{KL}(q\,\Vert\,p)$?

# %% tags=["demo", "covers: B28"]
tilted = oracles.CorrelatedGaussian(
    np.zeros(2), np.array([[1.0, 0.8], [0.8, 1.0]])
)
q_mean, q_sd, q_kl = tilted.mean_field()

fig, ax = plt.subplots(figsize=(5.2, 5.0))
plots.contours(ax, tilted.log_joint, (-3, 3), (-3, 3), mass=(0.5, 0.95),
               label="p")
for mass, line in ((0.95, "-"), (0.5, "--")):
    plots.ellipse(ax, q_mean, np.diag(q_sd**2), mass=mass, linestyle=line,
                  label=f"best q, {mass:.0%}")
ax.set(xlabel="θ₁", ylabel="θ₂", aspect="equal")
ax.set_title("Right centre, far too narrow", loc="left")
ax.legend(loc="lower right", borderaxespad=0)
print(f"sds of p {tilted.sd[0]:.1f} and {tilted.sd[1]:.1f}, "
      f"of the best q {q_sd[0]:.1f} and {q_sd[1]:.1f}")
plots.show(fig, alt="The 50 % and 95 % contours of a Gaussian posterior, long "
           "ellipses leaning at 45 degrees for correlation 0.8; in their "
           "middle the round contours of the best factorised q, with sds of "
           "0.6 instead of 1.")

# %% [markdown] tags=["covers: B28"]
# The best factorised $q$ has the right centre, no correlation, as must be, and standard deviations
# of 0.6 where the posterior's are 1. It does not follow the posterior into its long ends: it sits
# in the middle. The reason is the direction of the divergence (lesson 1, section 3).
# $\mathrm{KL}(q\,\Vert\,p) = E_q[\log q - \log p]$ is an average under $q$, so $q$ pays heavily for
# mass where $p$ has none, the empty corners off the diagonal, and nothing at all for the parts of
# $p$ that it does not visit. Section 3 derives the number 0.6. First we need the rule behind it.
#
# <details><summary><b>Concept 1:</b> would an upright ellipse that touches the outermost contour of
# p on all four sides be better, because it covers more?</summary>
#
# It would be worse for this divergence. With the sds of the marginals, 1 and 1, a good part of $q$
# lies in the two corners where $p$ is nearly zero; there $\log q - \log p$ is large. It *is* the
# best answer for the other divergence, $\mathrm{KL}(p\,\Vert\,q)$, which averages under $p$:
# section 8 shows both.
# </details>

# %% [markdown] tags=["covers: B29"]
# ## 2 · The best factor, the others held fixed
#
# The aim is to maximise the ELBO over all $q$ of the form (1),
#
# $$\mathcal L(q) = E_q[\log p(x, \theta)] - E_q[\log q(\theta)] .$$
#
# **Step 1: split the entropy.** The logarithm turns the product into a sum, and under $q$ each
# $\log q_i(\theta_i)$ needs only its own factor, for the others integrate to 1:
#
# $$-E_q[\log q(\theta)] = -\sum_i E_{q_i}[\log q_i(\theta_i)] = \sum_i H[q_i] .$$
#
# **Step 2: single out one factor.** Average the log joint over all unknowns but $\theta_j$ first.
# What is left is a function of $\theta_j$ alone; call it $A_j$. Averaging that over $\theta_j$, too,
# gives the whole:
#
# $$A_j(\theta_j) = E_{-j}[\log p(x, \theta)]
# = \int \log p(x, \theta) \prod_{i \ne j} q_i(\theta_i)\, d\theta_i , \qquad
# E_q[\log p(x, \theta)] = E_{q_j}[A_j(\theta_j)] .$$
#
# **Step 3: read the ELBO as a function of $q_j$.**
#
# $$\mathcal L(q) = E_{q_j}\bigl[A_j(\theta_j) - \log q_j(\theta_j)\bigr] +
# \underbrace{\textstyle\sum_{i \ne j} H[q_i]}_{\text{does not contain } q_j} .$$
#
# **Step 4: recognise a KL divergence.** $\exp A_j$ is positive; divide it by its integral
# $Z_j = \int \exp A_j(\theta_j)\, d\theta_j$ and it is a density, $q_j^\star = \exp(A_j) / Z_j$. Put
# $A_j = \log q_j^\star + \log Z_j$ into step 3:
#
# $$\mathcal L(q) = E_{q_j}\bigl[\log q_j^\star - \log q_j\bigr] + \log Z_j + \sum_{i \ne j} H[q_i]
# = -\mathrm{KL}(q_j \,\Vert\, q_j^\star) + \log Z_j + \sum_{i \ne j} H[q_i] .$$
#
# The last two terms do not change when $q_j$ does. The first is at most 0, and 0 exactly for
# $q_j = q_j^\star$ (lesson 1, equation 2). So the best factor, the others held fixed, is
#
# $$\boxed{\; q_j^\star(\theta_j) \propto \exp E_{-j}[\log p(x, \theta)] \;} \tag{2}$$
#
# Three things follow at once.
#
# - **The form is a result.** If $E_{-j}[\log p]$ is a quadratic in $\theta_j$, the best factor *is*
#   Gaussian; nobody had to assume it.
# - **The ELBO never falls.** Each update maximises it over one factor, so a fall means a bug.
# - **There may be several optima.** The ELBO is concave in each factor, but not in all of them
#   together.
#
# ### Two kinds of constant
#
# In practice one writes $\log q_j^\star(\theta_j) = E_{-j}[\log p(x, \theta)] + \text{const}$, and
# that hides two different things.
#
# - In step 3 a constant is what does not change **with the function** $q_j$ that we vary: the
#   entropies of the other factors. The step compares whole functions, so "constant" must mean the
#   same number for all of them.
# - In $\log q_j^\star(\theta_j) = \dots + \text{const}$, a constant is what does not change with
#   **the argument** $\theta_j$. It collects all terms of the log joint without $\theta_j$, and
#   $-\log Z_j$. We may drop it because the density must integrate to 1: the normaliser puts it
#   back.
#
# Terms of the second kind may be dropped from an update, but not from the ELBO: there they count.

# %% [markdown] tags=["covers: X47"]
# > **Spot the error.** A course page explains CAVI like this. "The optimal factor $q_j$ is
# > proportional to the log of the joint, $q_j \propto E_{-j}[\log p(x, z)]$. Indeed the ELBO is
# > $E_{q_j}[E_{-j}[\log p(x, z)]] - E_{q_j}[\log q_j] + c$, where $c$ is a constant in the latent
# > variables. It is thus the expected likelihood minus the divergence from the prior, or the
# > expected log joint minus the entropy of $q$." There are four mistakes.
# >
# > <details><summary>Answer</summary>
# >
# > 1. The exponential and the normaliser are missing: $q_j \propto \exp E_{-j}[\log p(x, z)]$. An
# >    expected log joint is mostly negative; as a density it makes no sense.
# > 2. The constant is constant **in $q_j$**. After the expectation no latent variable is left that
# >    it could depend on; "constant in the latent variables" is true of every term there, and says
# >    nothing.
# > 3. "Expected likelihood" should be expected *log*-likelihood.
# > 4. *Plus* the entropy: $-E_q[\log q]$ **is** the entropy $H[q]$. With a minus, the best $q$ would
# >    be a spike.
# > </details>
#
# <details><summary><b>Concept 2:</b> when does rule (2) give the exact posterior?</summary>
#
# When the posterior factorises itself, $p(\theta \mid x) = \prod_j p(\theta_j \mid x)$. Then
# $\log p(x, \theta)$ is a sum of functions of one $\theta_j$ each, and averaging over the others
# changes only the constant. Independent *priors* do not suffice: data tie unknowns together.
# </details>

# %% [markdown] tags=["covers: B28 B29"]
# ## 3 · A correlated Gaussian
#
# Now the picture of section 1. The target is $p(\theta) = N(\theta;\, \mu, \Sigma)$ in $D$
# dimensions. A Gaussian is simplest in terms of its **precision matrix** $\Lambda = \Sigma^{-1}$,
# so invert first:
#
# $$\log p(\theta) = -\tfrac12 \sum_{i,j} \Lambda_{ij} (\theta_i - \mu_i)(\theta_j - \mu_j) +
# \text{const} .$$
#
# Average over all coordinates but $\theta_i$; their means under $q$ are called $m_j$. Keep what
# contains $\theta_i$ (the mixed terms occur twice, since $\Lambda_{ij} = \Lambda_{ji}$):
#
# $$A_i(\theta_i) = -\tfrac12 \Lambda_{ii} (\theta_i - \mu_i)^2
# - (\theta_i - \mu_i) \sum_{j \ne i} \Lambda_{ij} (m_j - \mu_j) + \text{const} .$$
#
# This is a quadratic in $\theta_i$, so $q_i$ is Gaussian, by rule (2). The coefficient of
# $-\frac12 \theta_i^2$ is its precision; its mean is where the derivative is 0,
# $-\Lambda_{ii}(\theta_i - \mu_i) - \sum_{j \ne i} \Lambda_{ij}(m_j - \mu_j) = 0$:
#
# $$q_i(\theta_i) = N\bigl(\theta_i;\; m_i,\; \text{prec} = \Lambda_{ii}\bigr), \qquad
# m_i = \mu_i - \frac{1}{\Lambda_{ii}} \sum_{j \ne i} \Lambda_{ij} (m_j - \mu_j) . \tag{3}$$
#
# - **The means** are coupled: $m_1$ needs $m_2$ and vice versa. At rest all equations together say
#   $\Lambda (m - \mu) = 0$, and as $\Lambda$ is invertible, $m = \mu$. The centre is exact.
# - **The variances** need no iteration: $s_i^2 = 1 / \Lambda_{ii}$. That is the variance of
#   $\theta_i$ *given* all the other coordinates, the width of a slice through $p$ and not of its
#   shadow $\Sigma_{ii}$. For two coordinates
#
# $$\Lambda = \frac{1}{1 - \rho^2} \begin{pmatrix} 1 & -\rho \\ -\rho & 1 \end{pmatrix}, \qquad
# s_i = \sqrt{1 - \rho^2} = \sqrt{1 - 0.64} = 0.6 .$$
#
# **What it costs.** Average $\log q - \log p$ under $q$. The first part is minus the entropy,
# $-\frac12 \sum_i \log(2\pi e / \Lambda_{ii})$. The second is
# $\frac12 \log |2\pi\Sigma| + \frac12 E_q[(\theta - \mu)^\top \Lambda (\theta - \mu)]$. Here means
# agree and coordinates are independent, so only the diagonal survives:
# $\sum_i \Lambda_{ii} \cdot 1/\Lambda_{ii} = D$. Together, $D$ times $\frac12 \log 2\pi$ and $D$
# times $\frac12$ cancel, and
#
# $$\mathrm{KL}(q \,\Vert\, p) = \tfrac12 \Bigl( \sum_i \log \Lambda_{ii} + \log |\Sigma| \Bigr)
# \quad \text{nats}, \qquad \text{for a pair} \quad -\tfrac12 \log(1 - \rho^2) . \tag{4}$$

# %% tags=["demo", "covers: B28"]
print("precision matrix\n", np.linalg.inv(tilted.cov).round(6))
print(f"sds of q   {q_sd[0]:.6f} {q_sd[1]:.6f}   (exact: 1, 1)")
print(f"KL(q||p)   {q_kl:.6f} nats")
print(f"-log(1 - rho^2) / 2 = {-0.5 * np.log(1 - 0.8**2):.6f}")

# %% [markdown]
# ### Exercise 2.1 · The best factorised Gaussian (4 points)
#
# Write `mean_field_gaussian` for any dimension $D \ge 1$. You are given the mean `mu` (D,) and the
# **covariance** `cov` (D, D) of the target, perhaps in whole numbers. Return `(mean, sd, kl)`: the
# means of $q$ (D,), its **standard deviations** (D,), and $\mathrm{KL}(q\,\Vert\,p)$ in nats, one
# number, by (4). `np.linalg.slogdet` gives log determinants that neither overflow nor underflow.
#
# Check it in your head first: what must all three be if `cov` is diagonal?

# %% exercise="E2.1"
def mean_field_gaussian(mu, cov):
    """Return the factorised Gaussian q that minimises KL(q || N(mu, cov)).

    mu: mean of the target, (D,); cov: its covariance, (D, D).
    Returns (mean, sd, kl): means of q (D,), standard deviations of q (D,),
    in the units of mu, and KL(q || p) in nats, one number.
    """
    ### BEGIN SOLUTION
    diagonal = np.diag(np.linalg.inv(cov))
    log_det_cov = np.linalg.slogdet(cov)[1]
    kl = 0.5 * (np.sum(np.log(diagonal)) + log_det_cov)
    return np.array(mu, dtype=float), 1 / np.sqrt(diagonal), kl
    ### END SOLUTION

# %% check="E2.1" seed=2101

# %% [markdown] tags=["covers: B20 B21"]
# ### A published run, read with a pencil
#
# A course page demonstrates this very target. It draws 1000 points from the Gaussian with
# $\rho = 0.8$ and finds that their sds are 1.0213 and 1.0081. Then it fits a factorised Gaussian to
# the density by stochastic gradients (lesson 7), which report an average *loss* of 0.51667, and
# notices that the correlation is gone. Three numbers; what should they have been?
#
# - **The sds.** Exactly 1. An sd estimated from $n$ draws of a Gaussian has a standard error of
#   about $1/\sqrt{2n}$, here 0.022, so both are as near as one can expect, and their third decimals
#   say nothing.
# - **The loss** is minus an estimate of the ELBO. This $p$ is normalised, $\log p(x) = 0$, so
#   $-\mathcal L = \mathrm{KL}(q\,\Vert\,p)$, and (4) says that no factorised Gaussian gets below
#   0.510826. The fit was good: 0.006 nats of noise and of unfinished business.
# - **What the page does not print** are the sds of its $q$: 0.6, not 1. Whoever compares only the
#   centres, or the loss with 0, does not notice.

# %% tags=["demo", "covers: B20 B21"]
rng = default_rng(123)
from_p = rng.multivariate_normal(np.zeros(2), tilted.cov, size=1000)
from_q = q_mean + q_sd * rng.standard_normal((1000, 2))
log_ratio = np.sum(densities.normal(from_q, q_mean, q_sd), axis=1)
log_ratio -= tilted.log_joint(from_q)
for name, draws, exact_sd in (("p", from_p, tilted.sd), ("q", from_q, q_sd)):
    sds, error = np.std(draws, axis=0), exact_sd[0] / np.sqrt(2 * 1000)
    print(f"1000 draws of {name}: sds {sds[0]:.3f} {sds[1]:.3f} "
          f"± {error:.3f}, exact {exact_sd[0]:.1f}; correlation "
          f"{np.corrcoef(draws.T)[0, 1]:+.2f}")
print(f"KL(q||p) from the draws of q {np.mean(log_ratio):.3f} "
      f"± {np.std(log_ratio) / 1000**0.5:.3f}, exact {q_kl:.3f}")

# %% tags=["demo", "covers: B20 B21"]
fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.7), sharey=True)
for ax, draws, color, title in zip(
    axes, (from_p, from_q), (plots.BLACK, plots.VERMILLION),
    ("draws of p: sd 1", "draws of q: sd 0.6"), strict=True
):
    ax.plot(*draws.T, ".", color=color, ms=3, alpha=0.5)
    ax.set(xlabel="θ₁", xlim=(-3.7, 3.7), ylim=(-3.7, 3.7), aspect="equal")
    ax.set_title(title)
axes[0].set_ylabel("θ₂")
plots.show(fig, alt="A thousand draws from the correlated Gaussian form a "
           "long cloud along the diagonal; a thousand draws from its best "
           "factorised approximation form a small round cloud.")

# %% [markdown]
# ### Coordinate ascent in motion
#
# Here are the updates (3) at work, one coordinate at a time, from a bad start and for $\rho = 0.8$.
# Move the slider. An update of $m_1$ moves along the horizontal: it finds the highest point of $p$
# on that line. The sds start at 1 and jump to their final value, 0.6, when their coordinate is
# updated for the first time. The vermillion ellipse holds half of the mass of $q$.

# %% tags=["demo", "covers: B29"]
path = cavi.coordinate_path_gaussian(
    tilted.mean, tilted.cov, np.array([2.0, -1.8]), num_sweeps=6
)


def kl_of(mean, sd):
    """KL(N(mean, diag(sd^2)) || tilted), nats."""
    precision = np.linalg.inv(tilted.cov)
    quadratic = mean @ precision @ mean + np.diag(precision) @ sd**2
    log_dets = np.linalg.slogdet(tilted.cov)[1] - 2 * np.sum(np.log(sd))
    return 0.5 * (quadratic - 2 + log_dets)


def sd_after(k):
    """A coordinate that was never updated still has its first sd, 1."""
    return np.where(np.arange(2) < k, q_sd, 1.0)


def draw_update(fig, k):
    ax = fig.subplots()
    plots.contours(ax, tilted.log_joint, (-3.3, 3.3), (-3.3, 3.3),
                   mass=(0.5, 0.95))
    ax.plot(*path[: k + 1].T, color=plots.BLUE, marker="o", markersize=4)
    plots.ellipse(ax, path[k], np.diag(sd_after(k) ** 2), mass=0.5)
    ax.set(xlabel="θ₁", ylabel="θ₂", aspect="equal")
    done = "start" if k == 0 else f"after $m_{2 - k % 2}$"
    kl = kl_of(path[k], sd_after(k))
    ax.set_title(f"{done}: KL(q‖p) = {kl:.3f}", fontsize=13)


flipbook(
    draw_update, range(len(path)), label="update {}", figsize=(5.0, 5.0),
    alt="Contours of a Gaussian with correlation 0.8. The mean of q goes to "
        "the centre in a staircase of horizontal and vertical steps that "
        "become shorter; in 12 updates the KL divergence falls from 19.3 to "
        "0.523 nats."
)

# %% tags=["demo"]
print("update    m1        m2     KL(q||p)   best possible")
for k in (0, 1, 2, 4, 6, 12):
    print(f"{k:4d} {path[k][0]:9.4f} {path[k][1]:9.4f} "
          f"{kl_of(path[k], sd_after(k)):9.4f} {q_kl:12.4f}")

# %% [markdown]
# Each step leads to the best point on its line, and yet the path zigzags: the coordinates must be
# moved together, and coordinate ascent moves them one by one. In this target (3) reads
# $m_1 \leftarrow \rho\, m_2$ and $m_2 \leftarrow \rho\, m_1$, so a sweep of both shrinks the error
# by $\rho^2$.
#
# What is left in the end, the 0.511 nats from above, is the price of the family: no number of
# sweeps pays it off. How do both, the speed and the price, depend on the correlation?

# %% tags=["demo", "covers: B28 D55"]
def draw_correlation(fig, rho):
    target = oracles.CorrelatedGaussian(
        np.zeros(2), np.array([[1.0, rho], [rho, 1.0]])
    )
    mean, sd, kl = target.mean_field()
    steps = cavi.coordinate_path_gaussian(
        target.mean, target.cov, np.array([2.0, -1.8]), num_sweeps=5
    )
    ax = fig.subplots()
    plots.contours(ax, target.log_joint, (-3, 3), (-3, 3), mass=(0.5, 0.95),
                   num=201)
    ax.plot(*steps.T, color=plots.BLUE, marker="o", markersize=4)
    plots.ellipse(ax, mean, np.diag(sd**2))
    ax.set(xlabel="θ₁", ylabel="θ₂", aspect="equal")
    ax.set_title(f"sds of q {sd[0]:.3f}, KL {kl:.3f} nats", fontsize=13)


flipbook(
    draw_correlation, (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98),
    label="ρ = {:.2f}", figsize=(5.0, 5.0), start=5,
    alt="The best factorised q on a Gaussian whose correlation grows from 0 "
        "to 0.98: its sds shrink from 1 to 0.199, the KL divergence grows "
        "from 0 to 1.614 nats, and five sweeps come less and less near the "
        "centre."
)

# %% [markdown]
# Up to a correlation of about 0.5 little is lost. Beyond, both evils grow together: $q$ becomes too
# narrow *and* coordinate ascent becomes slow. Both come from the same threads that mean field
# cuts, and often a better parameterisation helps: centring a regressor, for instance, removes the
# correlation between slope and offset.
#
# <details><summary><b>Concept 3:</b> at ρ = 0.99, how many sweeps make the error of the means a
# thousand times smaller?</summary>
#
# A sweep multiplies it by $\rho^2$. So $\rho^{2k} = 10^{-3}$ and
# $k = \log 1000 / (-2 \log 0.99) = 344$ sweeps, against 16 at $\rho = 0.8$.
# </details>

# %% [markdown] tags=["covers: N11"]
# ## 4 · Unknown mean, unknown precision
#
# Now a model whose posterior is not in any table, though each piece of it is. Data $x_1, \dots,
# x_N$ come from a Gaussian with unknown mean $\mu$ and unknown precision $\gamma$, independent a
# priori:
#
# $$\mu \sim N(\mu_0,\ \text{prec} = \tau_0), \qquad \gamma \sim \mathrm{Gamma}(\alpha_0,\
# \text{rate} = \beta_0), \qquad x_i \mid \mu, \gamma \sim N(\mu,\ \text{prec} = \gamma) .$$
#
# The log joint, with everything that contains neither $\mu$ nor $\gamma$ in the constant, is
#
# $$\log p(x, \mu, \gamma) = \tfrac{N}{2} \log \gamma - \tfrac{\gamma}{2} \sum_i (x_i - \mu)^2 -
# \tfrac{\tau_0}{2} (\mu - \mu_0)^2 + (\alpha_0 - 1) \log \gamma - \beta_0 \gamma + \text{const} .
# \tag{5}$$
#
# The product $\gamma (x_i - \mu)^2$ ties the two together, and we cut:
# $q(\mu, \gamma) = q(\mu)\, q(\gamma)$. The lesson's data are 100 draws from $N(5,\ \text{sd} = 1)$,
# and the prior is nearly flat:

# %% tags=["covers: N11"]
x = datasets.load("gaussian_100")["x"]
prior = {"mu0": 0.0, "tau0": 1e-6, "alpha0": 0.01, "beta0": 0.01}
print(datasets.describe("gaussian_100"))
print(f"N = {len(x)}, mean {np.mean(x):.4f}, 1 / variance {1 / np.var(x):.4f}")
print(f"prior sd of mu {prior['tau0'] ** -0.5:.0f}")

# %% [markdown] tags=["covers: X15 X21"]
# > **Spot the error.** In one and the same course one can read $N(0, \sigma I)$ where the code
# > passes a standard deviation, $N(15, 2)$ with 2 an sd, and "$\mu \sim N(0, \tau)$: the variance
# > $\tau$" above code that uses $\tau$ as a precision. A docstring calls the second parameter of a
# > Gamma, $\beta$, its shape, and an axis that shows $\gamma$ is labelled $\tau$. What goes wrong?
# >
# > <details><summary>Answer</summary>
# >
# > Read as a variance, $\tau_0 = 10^{-6}$ is a prior that nails $\mu$ to 0 with an sd of 0.001; as a
# > precision it is an sd of 1000 and says nothing at all. The answers are opposite and both programs
# > run. $\beta$ is a rate (one over a scale): $E[\gamma] = \alpha/\beta$. And $\tau$ belongs to
# > $\mu$, $\gamma$ to the data. So in this course the second argument always has a name: `sd`,
# > `var` or `prec`.
# > </details>

# %% [markdown] tags=["covers: B29 N11"]
# ### The factor of the mean
#
# Rule (2) says: average (5) over $\gamma$. It occurs only as a factor, so $\gamma$ becomes
# $E[\gamma]$. Keep what contains $\mu$:
#
# $$\log q(\mu) = -\tfrac12 E[\gamma] \sum_i (x_i - \mu)^2 - \tfrac12 \tau_0 (\mu - \mu_0)^2 +
# \text{const} .$$
#
# Expand the squares and collect powers of $\mu$:
#
# $$\log q(\mu) = -\tfrac12 \bigl( \tau_0 + N\, E[\gamma] \bigr) \mu^2 + \Bigl( \tau_0 \mu_0 +
# E[\gamma] \textstyle\sum_i x_i \Bigr) \mu + \text{const} .$$
#
# A Gaussian $N(\nu_q,\ \text{prec} = \tau_q)$ has the log density
# $-\frac12 \tau_q \mu^2 + \tau_q \nu_q\, \mu + \text{const}$. Compare:
#
# $$\tau_q = \tau_0 + N\, E[\gamma], \qquad
# \nu_q = \frac{\tau_0 \mu_0 + E[\gamma] \sum_i x_i}{\tau_q} . \tag{6}$$
#
# Precisions add, and the mean is an average weighed by precisions: the prior has the weight
# $\tau_0$, each datum the weight $E[\gamma]$.
#
# ### Exercise 2.2 · The update of q(μ) (4 points)
#
# Write (6). `x` are the data (N,), perhaps a single one, perhaps whole numbers; `E_gamma` is the
# number $E[\gamma]$; `mu0` is the prior's mean and `tau0` its precision. Return `(nu_q, tau_q)`,
# mean and **precision**. In the lesson's data $\mu_0 = 0$ hides a mistake easily; the check takes
# other values.

# %% exercise="E2.2"
def update_q_mu(x, E_gamma, mu0, tau0):
    """Return the best q(mu) = N(nu_q, prec=tau_q), given E[gamma].

    x: data, (N,), N >= 1; E_gamma: mean of q(gamma), a precision (1/x^2).
    mu0: prior mean of mu; tau0: prior precision of mu.
    Returns (nu_q, tau_q), mean and precision of q(mu), two numbers.
    """
    ### BEGIN SOLUTION
    tau_q = tau0 + len(x) * E_gamma
    nu_q = (tau0 * mu0 + E_gamma * np.sum(x)) / tau_q
    return nu_q, tau_q
    ### END SOLUTION

# %% check="E2.2" seed=2202

# %% [markdown] tags=["covers: B29 N11"]
# ### The factor of the precision
#
# Now average (5) over $\mu$ and keep what contains $\gamma$:
#
# $$\log q(\gamma) = \bigl( \alpha_0 + \tfrac{N}{2} - 1 \bigr) \log \gamma - \Bigl( \beta_0 +
# \tfrac12 \textstyle\sum_i E\bigl[(x_i - \mu)^2\bigr] \Bigr) \gamma + \text{const} .$$
#
# A Gamma density $\mathrm{Gamma}(\alpha_q,\ \text{rate} = \beta_q)$ has the logarithm
# $(\alpha_q - 1) \log \gamma - \beta_q \gamma + \text{const}$. Again the form falls out of the
# rule. What remains is the expectation. Write $x_i - \mu = (x_i - \nu_q) - (\mu - \nu_q)$ and
# square; the cross term has mean 0, and the last square has mean $\mathrm{Var}_q(\mu) = 1/\tau_q$:
#
# $$E\bigl[(x_i - \mu)^2\bigr] = (x_i - \nu_q)^2 + \frac{1}{\tau_q} , $$
#
# $$\alpha_q = \alpha_0 + \frac{N}{2}, \qquad \beta_q = \beta_0 + \frac12 \sum_i \Bigl( (x_i -
# \nu_q)^2 + \frac{1}{\tau_q} \Bigr) . \tag{7}$$
#
# The term $1/\tau_q$ is how the two factors talk to each other: an uncertain mean makes the data
# look more scattered than they are about $\nu_q$, and so lowers the precision we may believe in.
#
# ### Exercise 2.3 · The update of q(γ) (4 points)
#
# Write (7) and return `(alpha_q, beta_q)`, shape and **rate**. It must also work for a single
# datum, for an odd number of data, and for whole numbers.

# %% exercise="E2.3"
def update_q_gamma(x, nu_q, tau_q, alpha0, beta0):
    """Return the best q(gamma) = Gamma(alpha_q, rate=beta_q), given q(mu).

    x: data, (N,), N >= 1; nu_q, tau_q: mean and precision of q(mu).
    alpha0: prior shape of gamma (no unit); beta0: prior rate (unit x^2).
    Returns (alpha_q, beta_q), shape and rate of q(gamma), two numbers.
    """
    ### BEGIN SOLUTION
    alpha_q = alpha0 + len(x) / 2
    beta_q = beta0 + 0.5 * np.sum((x - nu_q) ** 2 + 1 / tau_q)
    return alpha_q, beta_q
    ### END SOLUTION

# %% check="E2.3" seed=2303

# %% [markdown] tags=["covers: X22"]
# > **Spot the error.** The published exercise on this model hands out its updates as numbers that
# > the student is to replace, `tau_q = 0.1` among them. Below is what a notebook with such stubs
# > says before anybody has written a line (we took 0 for $\nu_q$ and 1 for the other two). What is
# > wrong with it?

# %% tags=["demo", "covers: X22"]
stub = {"nu_q": 0.0, "tau_q": 0.1, "alpha_q": 1.0, "beta_q": 1.0}
print(f"mu = {stub['nu_q']:.2f} ± {stub['tau_q'] ** -0.5:.2f}, "
      f"gamma = {stub['alpha_q'] / stub['beta_q']:.2f} "
      f"± {stub['alpha_q'] ** 0.5 / stub['beta_q']:.2f}, "
      f"ELBO {cavi.elbo_gaussian_gamma(x, **prior, **stub):.2f}")

# %% [markdown] tags=["covers: D56"]
# > <details><summary>Answer</summary>
# >
# > They are values, so the half-finished notebook runs to its end and prints numbers that look like
# > a result. Nothing tells an answer from a placeholder. A stub must refuse to run:
# > `raise NotImplementedError`.
# > </details>
#
# <details><summary><b>Concept 4:</b> both updates have a closed form. What must be true of a model
# for that, what is gained, and what if it is not?</summary>
#
# Each *complete conditional* $p(\theta_j \mid x, \theta_{-j})$ must be in an exponential family:
# then $E_{-j}[\log p]$ has the same form as its log density, with natural parameters averaged over
# the other factors. Such models are called conditionally conjugate. CAVI on them is analytic, fast
# and stable: no step size, no noise, a bound that cannot fall. As the updates are so mechanical,
# programs can derive them: each factor sends the others its expectations (*variational message
# passing*; VIBES, Infer.NET, BayesPy). A logistic regression or a neural network is *not* of this
# kind; lesson 5 begins where the closed forms end.
# </details>
#
# <details><summary><b>Concept 5:</b> q(γ) is a whole distribution, but only its mean enters the
# update of q(μ). Where does the uncertainty about γ go?</summary>
#
# It is lost for $\mu$. Given $\gamma$, $\mu$ is Gaussian; averaged over the posterior of $\gamma$
# it is nearly a Student t with heavier tails. A factorised $q$ cannot say "if $\gamma$ is small,
# $\mu$ may be far off", so $q(\mu)$ stays a Gaussian with one typical $\gamma$. Section 8 shows it
# for few data.
# </details>

# %% [markdown] tags=["covers: N12"]
# ## 5 · The ELBO, term by term
#
# The updates do not need the ELBO. We need it, for three reasons: to see that the updates are right
# (it must never fall), to know when to stop, and to compare with $\log p(x)$. So here nothing may
# be dropped. There are five terms:
#
# $$\mathcal L(q) = \underbrace{E[\log p(x \mid \mu, \gamma)]}_{\text{likelihood}} +
# \underbrace{E[\log p(\mu)]}_{\text{prior of } \mu} + \underbrace{E[\log
# p(\gamma)]}_{\text{prior of } \gamma} + H[q(\mu)] + H[q(\gamma)] . \tag{8}$$
#
# Two expectations under $q(\gamma)$ are needed. $E[\gamma] = \alpha_q / \beta_q$ is one. For the
# other start from $\int \gamma^{\alpha - 1} e^{-\beta\gamma}\, d\gamma = \Gamma(\alpha)\,
# \beta^{-\alpha}$ and take the derivative of the logarithm of both sides in $\alpha$. On the left
# that is $\int \log\gamma\; \gamma^{\alpha - 1} e^{-\beta\gamma}\, d\gamma$ divided by the integral
# itself, which is $E[\log \gamma]$; on the right
#
# $$E[\log \gamma] = \psi(\alpha_q) - \log \beta_q, \qquad \psi = (\log \Gamma)' \text{,
# the digamma function.} \tag{9}$$
#
# It is *less* than $\log E[\gamma]$, as Jensen's inequality says. Now the terms:
#
# - **Likelihood.** $N$ Gaussian log densities, averaged: $\frac{N}{2} \bigl( E[\log \gamma] -
#   \log 2\pi \bigr) - \frac12 E[\gamma] \sum_i E[(x_i - \mu)^2]$, with the expected square from
#   section 4 ($\mu$ and $\gamma$ are independent under $q$, so the mean of the product is the
#   product of the means).
# - **Prior of $\mu$.** Average $\log N(\mu;\, \mu_0, \text{prec} = \tau_0) = \frac12 \log \tau_0 -
#   \frac12 \log 2\pi - \frac12 \tau_0 (\mu - \mu_0)^2$. The same trick gives $E[(\mu - \mu_0)^2]$.
# - **Prior of $\gamma$.** Average $\alpha_0 \log \beta_0 - \log \Gamma(\alpha_0) + (\alpha_0 - 1)
#   \log \gamma - \beta_0 \gamma$.
# - **Entropy of $q(\mu)$.** $\frac12 \log(2\pi e / \tau_q)$: a larger precision is a lower entropy.
# - **Entropy of $q(\gamma)$.** Minus the average of its own log density. With the two expectations
#   above, $-\alpha_q \log \beta_q + \log \Gamma(\alpha_q) - (\alpha_q - 1)(\psi(\alpha_q) - \log
#   \beta_q) + \alpha_q = \alpha_q - \log \beta_q + \log \Gamma(\alpha_q) + (1 - \alpha_q)\,
#   \psi(\alpha_q)$.
#
# At the optimum for the lesson's data this is what the terms are worth:

# %% tags=["demo", "covers: N12"]
best = cavi.cavi_gaussian_gamma(x, prior)
at_best = {k: best[k] for k in ("nu_q", "tau_q", "alpha_q", "beta_q")}
terms = cavi.elbo_terms_gaussian_gamma(x, **prior, **at_best)
exact = oracles.GaussianGamma(x, **prior)
for name, value in terms.items():
    print(f"{name:16s}{value:14.6f}")
print(f"{'ELBO':16s}{sum(terms.values()):14.6f}")
print(f"{'log p(x)':16s}{exact.log_evidence:14.6f}")

# %% [markdown] tags=["covers: X19"]
# The evidence in the last line is exact: $\mu$ can be integrated by hand, and the one-dimensional
# integral over $\gamma$ that remains is done by quadrature. The ELBO lies 0.0050 nats below it.
#
# > **Spot the error.** A published notebook with this model and these data prints an ELBO of
# > $-164.1388$ at the optimum. Its updates are right, its trace rises at each sweep, its code runs.
# > Without reading a line of it: how do you know that it is wrong? And which term is it?
# >
# > <details><summary>Answer</summary>
# >
# > $-164.1388 > -168.7333 = \log p(x)$, and a lower bound that stands above what it bounds is none.
# > The gap to the right value, $-168.7383$, is $4.5995$, and that is a number we know:
# > $\log \Gamma(0.01) = 4.5995$. The term $-\log \Gamma(\alpha_0)$ of the prior of $\gamma$ was
# > forgotten. It is a constant, so neither the optimum nor the rise of the trace reveals it; only
# > the comparison with the evidence does.
# > </details>

# %% tags=["demo", "covers: X19"]
forgotten = gammaln(prior["alpha0"])
print(f"log Gamma(0.01)               {forgotten:.4f}")
print(f"ELBO                          {sum(terms.values()):.4f}")
print(f"ELBO without -log Gamma(0.01) {sum(terms.values()) + forgotten:.4f}")
print(f"log p(x)                      {exact.log_evidence:.4f}")

# %% [markdown]
# ### Exercise 2.4 · The ELBO, term by term (6 points)
#
# Write (8) with **every** constant; return one number in nats. The check looks at the terms one by
# one, so a wrong one costs only its own points and those of the whole. SciPy's `digamma` and
# `gammaln` ($\log\Gamma$) are imported. Closed forms are best; a numerical average is accepted only
# if each term is right to $10^{-3}$ nats.

# %% exercise="E2.4"
def elbo_gaussian_gamma(
    x, mu0, tau0, alpha0, beta0, nu_q, tau_q, alpha_q, beta_q
):
    """Return the ELBO of the Gaussian-Gamma model, with every constant.

    x: data, (N,); all other arguments are numbers:
    mu0, tau0: prior mean and precision of mu;
    alpha0, beta0: prior shape and rate of gamma;
    nu_q, tau_q: mean and precision of q(mu);
    alpha_q, beta_q: shape and rate of q(gamma).
    Returns one number, in nats.
    """
    ### BEGIN SOLUTION
    N = len(x)
    log_2pi = np.log(2 * np.pi)
    E_gamma = alpha_q / beta_q
    E_log_gamma = digamma(alpha_q) - np.log(beta_q)
    squares = np.sum((x - nu_q) ** 2) + N / tau_q

    log_lik = 0.5 * N * (E_log_gamma - log_2pi) - 0.5 * E_gamma * squares
    log_prior_mu = 0.5 * (np.log(tau0) - log_2pi)
    log_prior_mu -= 0.5 * tau0 * ((nu_q - mu0) ** 2 + 1 / tau_q)
    log_prior_gamma = alpha0 * np.log(beta0) - gammaln(alpha0)
    log_prior_gamma += (alpha0 - 1) * E_log_gamma - beta0 * E_gamma
    entropy_mu = 0.5 * (1 + log_2pi - np.log(tau_q))
    entropy_gamma = alpha_q - np.log(beta_q) + gammaln(alpha_q)
    entropy_gamma += (1 - alpha_q) * digamma(alpha_q)
    return (
        log_lik + log_prior_mu + log_prior_gamma + entropy_mu + entropy_gamma
    )
    ### END SOLUTION

# %% check="E2.4" seed=2404

# %% [markdown] tags=["covers: N12"]
# ## 6 · Coordinate ascent
#
# All pieces are there. Start with some $E[\gamma]$, update $q(\mu)$, update $q(\gamma)$, note the
# ELBO, repeat. Each half of a sweep is a step up or level, never down. To *see* the steps we take
# only four data and a bad start, $E[\gamma] = 0.02$.

# %% tags=["demo", "covers: N12"]
few = x[:4]
few_exact = oracles.GaussianGamma(few, **prior)
q = {"nu_q": 0.0, "tau_q": 1.0, "alpha_q": 0.02, "beta_q": 1.0}
stairs = []
for _ in range(8):
    q["nu_q"], q["tau_q"] = cavi.update_q_mu(
        few, q["alpha_q"] / q["beta_q"], prior["mu0"], prior["tau0"]
    )
    stairs.append(cavi.elbo_gaussian_gamma(few, **prior, **q))
    q["alpha_q"], q["beta_q"] = cavi.update_q_gamma(
        few, q["nu_q"], q["tau_q"], prior["alpha0"], prior["beta0"]
    )
    stairs.append(cavi.elbo_gaussian_gamma(few, **prior, **q))
for name, values in (("q(mu)", stairs[0::2]), ("q(gamma)", stairs[1::2])):
    print(f"ELBO after {name:9s}", *(f"{value:8.3f}" for value in values))
print(f"log p(x) {few_exact.log_evidence:.3f}, what is left "
      f"{few_exact.log_evidence - stairs[-1]:.3f} nats")

# %% tags=["demo", "covers: N12"]
fig, ax = plt.subplots(figsize=(6, 3.8))
half = np.arange(1, len(stairs) + 1)
ax.step(half, stairs, where="post", color=plots.BLACK, linewidth=1.2)
ax.plot(half[0::2], stairs[0::2], "o", color=plots.BLUE, label="after q(μ)")
ax.plot(half[1::2], stairs[1::2], "s", color=plots.VERMILLION,
        label="after q(γ)")
ax.axhline(few_exact.log_evidence, color=plots.BLACK, linestyle="--",
           linewidth=1.5)
ax.text(-0.6, few_exact.log_evidence - 0.06, "log p(x)", va="top")
ax.set_ylim(stairs[1] - 0.9, few_exact.log_evidence + 0.2)
ax.text(-0.6, stairs[1] - 0.5, f"↓ {stairs[0]:.1f}", color=plots.BLUE)
ax.set(xlabel="update", ylabel="ELBO (nats)", xticks=half[1::2],
       xlim=(-0.8, 16.5))
ax.set_title("A staircase that never goes down", loc="left")
ax.legend(loc="lower right")
plots.show(fig, alt="The ELBO after each of sixteen updates, of q(μ) and q(γ) "
           "in turn: it jumps from -110.7 to -20.1, climbs in ever smaller "
           "steps and comes to rest 0.156 nats below the dashed line of the "
           "log evidence.")

# %% [markdown] tags=["covers: X20 N12"]
# The staircase comes to rest below the dashed line. The distance that remains is
# $\mathrm{KL}(q \,\Vert\, p)$ of the best factorised $q$: 0.156 nats with four data, 0.0050 with all
# hundred.
#
# ### When to stop, and what round-off does
#
# Stop when a sweep gains less than a small *fraction* of the ELBO's size, $10^{-10}$ say. And check
# on the way that the ELBO does not fall, since this finds wrong updates. But how strictly?
#
# > **Spot the error.** A published implementation raises an error as soon as `elbo_new < elbo_old`,
# > and stops when the gain is below `1e-20`. It worked on its data set. Why is it a bug all the
# > same?
# >
# > <details><summary>Answer</summary>
# >
# > Numbers near $-168$ in double precision are $2.8 \cdot 10^{-14}$ apart, so a gain below
# > $10^{-20}$ can only be 0 or negative. At the fixed point the sum of rounded terms wobbles in its
# > last digit, and one sweep in a while goes *down* by some $10^{-14}$: the error is raised at the
# > very moment of success. The cell below sweeps a thousand times at the optimum. Allow a relative
# > slack, such as $10^{-9}$ of the ELBO's size: a wrong update costs far more.
# > </details>

# %% tags=["demo", "covers: X20"]
# A negative rel_tol never stops: all 1000 sweeps are done.
at_rest = cavi.cavi_gaussian_gamma(x, prior, best, max_iter=1000, rel_tol=-1.0)
steps = np.diff(at_rest["elbo"])
print(f"distance of two floats at -168:  {np.spacing(168.0):.1e}")
print(f"some sweeps lower the ELBO:      {np.any(steps < 0)}")
print(f"none of them by more than 1e-12: {np.all(steps > -1e-12)}")
print(f"allowed slack, 1e-9 |ELBO|:      {1e-9 * abs(best['elbo'][-1]):.1e}")

# %% [markdown]
# ### Exercise 2.5 · Coordinate ascent (5 points)
#
# - `prior` is a dict with the keys `mu0`, `tau0`, `alpha0`, `beta0`; `init`, if given, one with
#   `nu_q`, `tau_q`, `alpha_q`, `beta_q` to start from. Without it start from
#   $E[\gamma] = \alpha_0 / \beta_0$. Change neither.
# - One sweep updates $q(\mu)$, then $q(\gamma)$, each time with the newest values.
# - Stop when a sweep gains no more than `rel_tol` times the ELBO's size (`rel_tol` may be 0), or
#   after `max_iter` sweeps. Raise no error over round-off.
# - Return a dict with `nu_q`, `tau_q`, `alpha_q`, `beta_q` and `elbo`, the trace: one value
#   **after** each sweep.
#
# You may call your functions of E2.2 to E2.4. Should one of them not be right yet, use the
# library's here (`cavi.update_q_mu`, `cavi.update_q_gamma`, `cavi.elbo_gaussian_gamma`, same
# arguments). The parameters are checked to 0.2 %, the ELBO more closely; how you get to the fixed
# point is up to you.

# %% exercise="E2.5"
def cavi_gaussian_gamma(x, prior, init=None, max_iter=1000, rel_tol=1e-10):
    """Fit the Gaussian-Gamma model by coordinate ascent.

    x: data, (N,); prior: dict with mu0, tau0, alpha0, beta0.
    init: None, or dict with nu_q, tau_q, alpha_q, beta_q.
    max_iter: largest number of sweeps, at least 1.
    rel_tol: stop when a sweep gains at most this fraction of |ELBO|.
    Returns a dict with nu_q, tau_q, alpha_q, beta_q (numbers), and elbo,
    an array with one value, in nats, after each sweep.
    """
    ### BEGIN SOLUTION
    mu0, tau0 = prior["mu0"], prior["tau0"]
    alpha0, beta0 = prior["alpha0"], prior["beta0"]
    start = init or {"alpha_q": alpha0, "beta_q": beta0}
    E_gamma = start["alpha_q"] / start["beta_q"]
    trace = []
    for _ in range(max_iter):
        nu_q, tau_q = update_q_mu(x, E_gamma, mu0, tau0)
        alpha_q, beta_q = update_q_gamma(x, nu_q, tau_q, alpha0, beta0)
        E_gamma = alpha_q / beta_q
        trace.append(
            elbo_gaussian_gamma(
                x, mu0, tau0, alpha0, beta0, nu_q, tau_q, alpha_q, beta_q
            )
        )
        if len(trace) > 1:
            gain = trace[-1] - trace[-2]
            if gain <= rel_tol * abs(trace[-2]):
                break
    return {
        "nu_q": nu_q,
        "tau_q": tau_q,
        "alpha_q": alpha_q,
        "beta_q": beta_q,
        "elbo": np.array(trace),
    }
    ### END SOLUTION

# %% check="E2.5" seed=2505

# %% [markdown] tags=["covers: N12"]
# ## 7 · How good is the fit?
#
# The ELBO says how far $q$ is from the posterior *in nats*. What matters in the end are the numbers
# one would report, and here all of them can be compared with the exact ones, which quadrature
# gives.

# %% tags=["demo", "covers: N11 N12"]
def compare(best, exact):
    """Means and sds of q beside the exact ones."""
    q_mean = best["nu_q"], best["alpha_q"] / best["beta_q"]
    q_sd = best["tau_q"] ** -0.5, best["alpha_q"] ** 0.5 / best["beta_q"]
    print("           mean q   exact      sd q    exact   sd ratio")
    for i, name in enumerate(("mu   ", "gamma")):
        print(f"{name} {q_mean[i]:11.4f} {exact.mean[i]:7.4f}"
              f" {q_sd[i]:9.4f} {exact.sd[i]:8.4f}"
              f" {q_sd[i] / exact.sd[i]:10.3f}")
    gap = exact.log_evidence - best["elbo"][-1]
    print(f"KL(q||p) = log p(x) - ELBO = {gap:.4f} nats")


compare(best, exact)
print()
for name in ("alpha_q", "beta_q", "nu_q", "tau_q"):
    print(f"{name:8s}{best[name]:10.4f}")

# %% tags=["demo", "covers: N12"]
def log_q(fit):
    """The log density of q(mu) q(gamma), as a function of (..., 2)."""
    def log_density(theta):
        mu, gamma = theta[..., 0], theta[..., 1]
        q_mu = densities.normal(mu, fit["nu_q"], fit["tau_q"] ** -0.5)
        return q_mu + densities.gamma(gamma, fit["alpha_q"], fit["beta_q"])
    return log_density


fig, ax = plt.subplots(figsize=(6, 4.2))
box = (4.6, 5.45), (0.42, 1.2)
plots.contours(ax, exact.log_joint, *box, mass=(0.5, 0.95),
               label="exact (grid)")
plots.contours(ax, log_q(best), *box, mass=(0.5, 0.95), fill=False,
               color=plots.VERMILLION, label="q(μ) q(γ)")
ax.set(xlabel="mean μ", ylabel="precision γ")
ax.set_title("Hundred data: hardly a difference", loc="left")
ax.legend(loc="upper right")
plots.show(fig, alt="Contours of the exact joint posterior of mean and "
           "precision for 100 data and of the factorised q: they nearly "
           "coincide, both centred at (5.03, 0.78).")

# %% [markdown] tags=["covers: X28"]
# With a hundred data the means agree to four digits and the sds to one percent. $\mu$ and $\gamma$
# are nearly uncorrelated in this posterior; what $q$ cannot know is that $\mu$ is less certain
# *when* $\gamma$ is small, and with so much data that hardly matters.
#
# > **Spot the error.** A second notebook of the same course fits "the same model" by stochastic
# > gradients and compares the result with that of coordinate ascent. Its priors are
# > $\gamma \sim \mathrm{Gamma}(1, \text{rate} = 1)$ and $\mu \sim N(0,\ \text{sd} = 10\,000)$; those
# > of the first are ours, $\mathrm{Gamma}(0.01, 0.01)$ and sd 1000. Does it matter? Guess before
# > you look: for the posterior, and for the ELBO.

# %% tags=["demo", "covers: X28"]
other = {"mu0": 0.0, "tau0": 1e-8, "alpha0": 1.0, "beta0": 1.0}
for count in (100, 4):
    for name, beliefs in (("first", prior), ("second", other)):
        fit = cavi.cavi_gaussian_gamma(x[:count], beliefs)
        e_gamma = fit["alpha_q"] / fit["beta_q"]
        print(f"N = {count:3d}, {name:6s} priors: E[gamma] = {e_gamma:.4f}"
              f" ± {e_gamma / fit['alpha_q'] ** 0.5:.4f}, "
              f"ELBO {fit['elbo'][-1]:.3f}")

# %% [markdown]
# > <details><summary>Answer</summary>
# >
# > With a hundred data the posterior hardly notices. With four it does. And the ELBOs differ by
# > more than a nat at $N = 100$, although both fits are nearly perfect: they are bounds of *different*
# > evidences. Two algorithms can be compared only on one model; and two models not by the posterior
# > means they happen to share.
# > </details>

# %% [markdown] tags=["covers: D55"]
# ## 8 · Where this breaks
#
# ### Few data: the threads matter
#
# Move the slider from three data to a hundred. With few data the exact posterior is a funnel: where
# $\gamma$ is small the data say little about $\mu$ and the contours open wide. A product has to be
# an upright shape of the same width at each height.

# %% tags=["demo", "covers: N12 D55"]
def draw_count(fig, count):
    oracle = oracles.GaussianGamma(x[:count], **prior)
    fit = cavi.cavi_gaussian_gamma(x[:count], prior)
    ax = fig.subplots()
    box = (1.2, 8.8), (0.01, 3.4)
    plots.contours(ax, oracle.log_joint, *box, mass=(0.5, 0.95), num=161)
    plots.contours(ax, log_q(fit), *box, mass=(0.5, 0.95), num=161,
                   color=plots.VERMILLION, fill=False)
    ax.set(xlabel="mean μ", ylabel="precision γ")
    ratio = fit["tau_q"] ** -0.5 / oracle.sd[0]
    gap = oracle.log_evidence - fit["elbo"][-1]
    ax.set_title(f"sd of μ: {ratio:.0%} of exact; KL {gap:.3f}", fontsize=13)


flipbook(
    draw_count, (3, 4, 6, 10, 20, 50, 100), label="N = {}",
    figsize=(5.6, 4.2),
    alt="Exact posterior (grey) and factorised q (red) of mean and precision "
        "for 3 to 100 data. With 3 data the exact contours form a funnel, "
        "wide at small precision, and q has 28 % of the sd of μ; with 100 "
        "data both coincide."
)

# %% tags=["demo", "covers: D55"]
print("four data")
compare(cavi.cavi_gaussian_gamma(few, prior), few_exact)

# %% [markdown] tags=["covers: D55"]
# Four data: the means are right to four digits, and the sd of $\mu$ is 58 % of what it should be.
# **Right means say nothing about right sds.** Whoever compares means only will not see the failure.
#
# ### The other direction of KL
#
# The narrowness is no law of nature; it is a choice. Among factorised distributions the *other*
# divergence, $\mathrm{KL}(p \,\Vert\, q)$, is smallest when each factor equals the marginal of $p$.
# For only $-E_p[\log q] = -\sum_i E_{p_i}[\log q_i(\theta_i)]$ depends on $q$, and each term is
# smallest for $q_i = p_i$: the sds are 1, not 0.6. That $q$ covers the posterior and wastes mass in
# empty corners. Neither is "the right one": the first is cautious about where it puts mass, the
# second about what it leaves out. The ELBO is tied to the first, because the second needs averages
# under the very posterior that we do not have.

# %% tags=["demo", "covers: B28 D55"]
fig, ax = plt.subplots(figsize=(5.2, 5.2))
plots.contours(ax, tilted.log_joint, (-3, 3), (-3, 3), mass=(0.95,), label="p")
plots.ellipse(ax, q_mean, np.diag(q_sd**2), label="best for KL(q‖p)")
plots.ellipse(ax, tilted.mean, np.diag(tilted.sd**2), color=plots.BLUE,
              linestyle="--", label="best for KL(p‖q)")
ax.set(xlabel="θ₁", ylabel="θ₂", aspect="equal", ylim=(-3, 3.9))
ax.set_title("Two divergences, two answers", loc="left")
ax.legend(loc="upper left", borderaxespad=0)
print("sds: best for KL(q||p)", q_sd, " best for KL(p||q)", tilted.sd)
plots.show(fig, alt="The 95 % contour of a Gaussian with correlation 0.8. A "
           "small circle inside it minimises KL(q‖p), a large one that "
           "reaches beyond it minimises KL(p‖q).")

# %% [markdown] tags=["covers: D55"]
# ### Always too narrow?
#
# "Mean field underestimates the uncertainty", say the textbooks. For a Gaussian target that is a
# theorem. The variance of $q_i$ is that of $\theta_i$ given the others, $1/\Lambda_{ii}$, and
# conditioning a Gaussian subtracts something from the variance that is never negative:
#
# $$\frac{1}{\Lambda_{ii}} = \Sigma_{ii} - \Sigma_{i,-i}\, \Sigma_{-i,-i}^{-1}\, \Sigma_{-i,i}
# \;\le\; \Sigma_{ii} , $$
#
# with equality only if $\theta_i$ is uncorrelated with all others. Is it a law beyond Gaussians?
# Rule (2) needs no formulas: with two unknowns it can be carried out on a grid, for *any* log
# density, and the factors may take any form they like.

# %% tags=["demo", "covers: B29 D55"]
axis = np.linspace(-7.0, 7.0, 281)
points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)


def normalised(log_density):
    """A density on the axis, from its logarithm up to a constant."""
    density = np.exp(log_density - np.max(log_density))
    return density / np.sum(density) / (axis[1] - axis[0])


def cavi_on_a_grid(log_p, q_2, sweeps=50):
    """Mean field by rule (2), with free factors: q_1, q_2, ELBO."""
    table, step = log_p(points), axis[1] - axis[0]
    for _ in range(sweeps):
        q_1 = normalised(table @ q_2 * step)  # E_{-1}[log p]
        q_2 = normalised(q_1 @ table * step)  # E_{-2}[log p]
    entropy = -sum(
        np.sum(q * np.log(np.maximum(q, 1e-300))) * step for q in (q_1, q_2)
    )
    return q_1, q_2, q_1 @ table @ q_2 * step**2 + entropy


islands = oracles.GaussianMixture(
    np.array([0.7, 0.3]), np.array([[0.0, -3.0], [0.0, 3.0]]),
    np.array([[2.0, 0.6], [0.3, 0.6]])
)
everywhere, below = normalised(0.0 * axis), normalised(-((axis + 3) ** 2))
runs = {
    "tilted": (tilted, everywhere),
    "islands, flat start": (islands, everywhere),
    "islands, start below": (islands, below),
}
print(f"{'':22s}  sd of θ₁ (exact)  ratio   sd of θ₂ (exact)  ratio"
      "    ELBO")
for name, (target, start) in runs.items():
    *factors, elbo = cavi_on_a_grid(target.log_joint, start)
    print(f"{name:22s}", end="")
    for factor, exact_sd in zip(factors, target.sd, strict=True):
        weight = factor / np.sum(factor)
        sd = np.sqrt(weight @ axis**2 - (weight @ axis) ** 2)
        print(f" {sd:7.3f} ({exact_sd:.3f})  {sd / exact_sd:7.2f}", end="  ")
    print(f"{elbo:7.3f}")

# %% tags=["demo", "covers: D55"]
q_1, q_2, _ = cavi_on_a_grid(islands.log_joint, below)
fig, (top, bottom) = plt.subplots(2, 1, figsize=(6, 6.4),
                                  height_ratios=(1.6, 1))
box = (-6.5, 6.5), (-5.5, 5.5)
plots.contours(top, islands.log_joint, *box, mass=(0.5, 0.95), num=161,
               label="p")
log_1, log_2 = (np.log(np.maximum(q, 1e-300)) for q in (q_1, q_2))
plots.contours(
    top, lambda theta: (np.interp(theta[:, 0], axis, log_1)
                        + np.interp(theta[:, 1], axis, log_2)),
    *box, mass=(0.5, 0.95), num=161, fill=False, color=plots.VERMILLION,
    label="q"
)
top.set(ylabel="θ₂", xlabel="θ₁")
top.legend(loc="upper right")
bottom.plot(axis, normalised(np.log(
    np.sum(np.exp(islands.log_joint(points)), axis=1)
)), color=plots.BLACK, label="p(θ₁)")
bottom.plot(axis, q_1, "--", color=plots.VERMILLION, label="q(θ₁)")
bottom.set(xlabel="θ₁", ylabel="density", xlim=(-6.5, 6.5))
bottom.legend(loc="upper right")
plots.show(fig, alt="Above: a density with two islands, a wide one below "
           "and a narrow one above it; the factorised q coincides with the "
           "wide one. Below: the marginal density of θ₁, a sharp peak on a "
           "broad base, and that of q, which is broad only and so has the "
           "larger sd.")

# %% [markdown] tags=["covers: D55 X45"]
# The grid finds 0.6 again for the Gaussian, without having been told that the factors are Gaussian.
# On the islands the end depends on the start. From a flat start $q_2$ has two humps, but $q_1$ must
# serve both islands at once, and fits the narrow one only. From below it settles on the larger
# island and never hears of the other; this has the higher ELBO, $-0.357 = \log 0.7$: the price of
# the mass that is missed. And the larger island happens to be wider in $\theta_1$ than the two
# together. So of *each* answer one sd is too **large** and the other far too small. "Too narrow" is
# what one should expect of mean field, and no law.
#
# A fit can come out too wide for quite another reason. A published comparison of ADVI (lesson 7)
# with long MCMC runs reports sds of 0.1068 against 0.0987 for a mean and 0.0775 against 0.0704 for
# the logarithm of an sd: 8 and 10 % too *large*, where mean field should shrink. The family is not
# to blame, but the optimiser: it divides each gradient by a norm that contains the gradient itself,
# and that moves the point at which it comes to rest. Lesson 12 shows it in motion. So when sds are
# wrong, ask first *which way*, then why.

# %% tags=["demo", "covers: X45"]
print(f"sd of mu: {0.1068 / 0.0987 - 1:+.1%}, of log sd: "
      f"{0.0775 / 0.0704 - 1:+.1%} (published ADVI against MCMC)")

# %% [markdown] tags=["covers: X41"]
# ### A prior that contradicts the data: two optima
#
# Twenty data around 5, and a prior that says $\mu \approx -10$ with precision 0.4 (sd 1.6). Two
# stories explain that: the prior is off and the data are precise, or the prior is right and the
# data are very noisy. The posterior has a mode for each, and $q$, one Gaussian times one Gamma, can
# tell but one of them. Which one depends on the start.
#
# The modes differ by a factor of 60 in $\gamma$, so the vertical axis is $\log \gamma$. The density
# of $(\mu, \log \gamma)$ is that of $(\mu, \gamma)$ times $\vert d\gamma / d\log\gamma \vert =
# \gamma$, so $\log \gamma$ is added to its logarithm. (You may read of "the determinant of the log
# of the Jacobian" for this term. It is the other way round, the *log* of the absolute value of the
# *determinant*, $\log \vert \det J \vert$; lesson 7 lives on it.)

# %% tags=["demo", "covers: X41"]
clash = {"mu0": -10.0, "tau0": 0.4, "alpha0": 0.01, "beta0": 0.01}
clash_exact = oracles.GaussianGamma(x[:20], **clash)
fits = {
    start: cavi.cavi_gaussian_gamma(
        x[:20], clash,
        {"nu_q": 0.0, "tau_q": 1.0, "alpha_q": start, "beta_q": 1.0}
    )
    for start in (1.0, 1e-3)
}
for start, fit in fits.items():
    print(f"from E[gamma] = {start:5g}: mu = {fit['nu_q']:7.4f} "
          f"± {fit['tau_q'] ** -0.5:.4f}, "
          f"E[gamma] {fit['alpha_q'] / fit['beta_q']:.4f}, "
          f"ELBO {fit['elbo'][-1]:.4f}")
print(f"exact:                 mu = {clash_exact.mean[0]:7.4f} "
      f"± {clash_exact.sd[0]:.4f}, E[gamma] {clash_exact.mean[1]:.4f}, "
      f"log p(x) {clash_exact.log_evidence:.4f}")

# %% tags=["demo", "covers: X41"]
def on_log_scale(log_density):
    """The density of (mu, log gamma): the Jacobian adds log gamma."""
    def log_p(theta):
        mu, t = theta[..., 0], theta[..., 1]
        return log_density(np.stack([mu, np.exp(t)], axis=-1)) + t
    return log_p


fig, ax = plt.subplots(figsize=(6, 4.4))
box = (-11, 8), (-7, 1)
plots.contours(ax, on_log_scale(clash_exact.log_joint), *box,
               mass=(0.5, 0.95), num=241, label="exact")
for (start, fit), color in zip(
    fits.items(), (plots.VERMILLION, plots.BLUE), strict=True
):
    plots.contours(ax, on_log_scale(log_q(fit)), *box, mass=(0.95,),
                   fill=False, num=241, color=color,
                   label=f"q from E[γ] = {start:g}")
ax.set(xlabel="mean μ", ylabel="log γ")
ax.set_title("Two optima, chosen by the start", loc="left")
ax.legend(loc="upper left")
plots.show(fig, alt="A posterior with two separate modes, one at mean 4.6 "
           "with high precision and one at mean -5.4 with low precision. "
           "Coordinate ascent from E[γ] = 1 ends in the first, from 0.001 in "
           "the second.")

# %% [markdown]
# So: start more than once and keep the highest ELBO, but remember that even the better one is blind
# to the other mode. The exact mean of $\mu$, 2.56, lies between the modes, and its sd is 3.85;
# neither $q$ says so.
#
# ### And further
#
# - **No closed form.** As soon as one expectation $E_{-j}[\log p]$ has none, this machine stands
#   still. Lesson 5 replaces it by Monte Carlo.
# - **Each sweep reads all the data.** With a million of them one wants steps from small batches
#   (lesson 4).
# - **A high ELBO is no certificate.** 0.156 nats sounded like little; the sd was off by 42 %.
#
# <details><summary><b>Concept 6:</b> model A has an ELBO of −170, model B one of −169, on the same
# data. Is B the better model?</summary>
#
# Not for certain. ELBO = log evidence − KL, and the two KL terms may differ by more than a nat.
# Compare evidences, or make sure that the gaps are small.
# </details>
#
# ## Summary
#
# - Mean field restricts $q$ to a product. The best factor, the others held fixed, is
#   $q_j \propto \exp E_{-j}[\log p(x, \theta)]$; its form comes out by itself.
# - Terms without $\theta_j$ may be dropped from an update and never from the ELBO.
# - On a Gaussian: the mean is exact, $s_i = \Lambda_{ii}^{-1/2}$ with the precision matrix
#   $\Lambda = \Sigma^{-1}$ (invert first), and the cost is
#   $\frac12 (\sum_i \log \Lambda_{ii} + \log |\Sigma|)$.
# - CAVI goes round the factors. The ELBO never falls, up to round-off; an ELBO above the evidence
#   is a bug.
# - It finds a local optimum, is slow where the posterior is strongly correlated, and its sds are
#   too small there. Compare sds, not only means.
#
# ## Open question (5 points)
#
# How do **the prior**, **the number of data** and **a bad start** affect the fit of the
# Gaussian-Gamma model? Use the cell below for experiments (copy it, change one thing at a time) and
# answer in half a page:
#
# 1. What does a stronger prior do, (a) one that agrees with the data, (b) one that contradicts
#    them? Look at means, sds *and* the gap to the evidence.
# 2. How do the sd of $\mu$ and the KL gap change with $N$? About which power of $N$ does the gap
#    follow?
# 3. Does the start change the result, or only the number of sweeps? Give an example of each, and
#    say how you would notice in a model whose exact posterior you do not know.
#
# Every claim needs a number of yours. Points: 2 for the prior, 1 for $N$, 2 for the start.

# %% tags=["demo"]
def experiment(data, prior, e_gamma=1.0):
    """Fit from E[gamma] = e_gamma and compare with the exact posterior."""
    start = {"nu_q": 0.0, "tau_q": 1.0, "alpha_q": e_gamma, "beta_q": 1.0}
    fit = cavi.cavi_gaussian_gamma(data, prior, start)
    compare(fit, oracles.GaussianGamma(data, **prior))
    print(f"{len(fit['elbo'])} sweeps")


experiment(x[:10], {"mu0": 0.0, "tau0": 1e-6, "alpha0": 0.01, "beta0": 0.01})

# %% [markdown] open="O2" points=5
# <!-- BEGIN SOLUTION -->
# **Prior.** (a) With $N = 100$ and $\alpha_0 = \beta_0 = 100$, a prior worth 200 data that says
# $\gamma \approx 1$, $E_q[\gamma]$ moves from 0.778 to 0.914, its sd falls from 0.110 to
# 0.0746 (exact 0.0747), and the gap falls from 0.0050 to 0.0017 nats: an agreeing prior makes the
# posterior narrower, rounder and easier to factorise. A weak one changes next to nothing ($\tau_0 =
# 0.01$ moves $\nu_q$ by 0.0006). (b) A prior at $\mu_0 = 0$ that contradicts the data is harmless
# while it is weak ($\tau_0 = 1$: $\nu_q = 4.963$, exact 4.962, gap 0.0082), but at $\tau_0 = 10$
# prior and data are about equally strong: $\nu_q = 4.197$ against 4.153, the sd of $\mu$ is 0.129
# against 0.217, the gap is 0.461, and $E_q[\gamma]$ fell to 0.505, because the model
# explains the contradiction as noise. When the prior wins outright ($\tau_0 = 1000$: $\nu_q =
# 0.019$) the gap is small again, 0.0036, and the answer is useless. The fit is worst where two
# explanations compete.
#
# **N.** With the nearly flat prior the sd of $\mu$ is 0.412 (exact 0.467) at $N = 10$, 0.281
# (0.297) at 20, 0.170 (0.173) at 50 and 0.113 (0.115) at 100: it falls like $N^{-1/2}$ and its
# ratio to the exact sd rises from 0.88 to 0.99. The gap is 0.0544, 0.0261, 0.0102, 0.0050: about
# $0.5 / N$, the power $-1$. The posterior becomes Gaussian with uncorrelated $\mu$ and $\gamma$.
#
# **Start.** With the flat prior there is one optimum: from $E[\gamma] = 10^{-6}$ to
# $10^{6}$ the result for $N = 100$ is the same to five digits and only the number of sweeps
# changes. With the contradicting prior of section 8 ($\mu_0 = -10$, $\tau_0 = 0.4$, $N = 20$) the
# start decides: $\nu_q = 4.56$ from $E[\gamma] = 1$, $\nu_q = -5.36$ from 0.001, with
# different ELBOs. Without the exact posterior one would notice by starting several times and
# comparing the final ELBOs: equal ELBOs and parameters suggest one optimum, different ones prove
# several; the highest is to be kept, and the others are a warning that the posterior may have more
# modes than $q$ shows.
# <!-- END SOLUTION -->

# %% [markdown]
# ## References
#
# - C. Bishop, *Pattern Recognition and Machine Learning*, 2006, section 10.1: the factorised family,
#   eq. (10.5), and its best factor, (10.6)-(10.9), our (2); the correlated Gaussian,
#   (10.10)-(10.15), our (3); the other direction, (10.16)-(10.17), figure 10.2; unknown mean and
#   precision, (10.21)-(10.30) (there the prior precision of $\mu$ is a multiple of $\gamma$).
# - D. Blei, A. Kucukelbir, J. McAuliffe, *Variational Inference: A Review for Statisticians*, JASA
#   112, 2017: the mean-field family, eq. (15); CAVI, eqs. (17)-(19) and algorithm 1; conditionally
#   conjugate models, section 4.
# - M. Jordan, Z. Ghahramani, T. Jaakkola, L. Saul, *An Introduction to Variational Methods for
#   Graphical Models*, Machine Learning 37, 1999: mean field before it had this name in statistics.
# - J. Winn, C. Bishop, *Variational Message Passing*, JMLR 6, 2005: the updates, derived by a
#   program.
# - R. Turner, M. Sahani, *Two problems with variational expectation maximisation for time-series
#   models*, in *Bayesian Time Series Models*, 2011: when narrow $q$'s bias what is learned.
