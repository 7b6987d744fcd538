# %% [markdown]
# # 3 · CAVI for regression and mixtures
#
# Coordinate ascent needs nothing but conditional updates in closed form, and many models have them.
# This lesson takes two that everybody knows from elsewhere. For **linear regression** the exact
# posterior is known, so we can see precisely what mean field gets right, what it gets wrong, and
# what that does to a conclusion. For a **mixture of Gaussians** it is not known, the ELBO has many
# local optima, and new habits are needed: restarts, and comparisons that ignore labels.
#
# **You will be able to**
#
# - derive the posterior and the evidence of a Bayesian regression, and its coordinate ascent;
# - say which conclusions survive mean field, and which come out too sure or not sure enough;
# - derive responsibilities and updates of a mixture, compute them without overflow, and write a fit
#   with restarts;
# - explain label switching, tell coordinate ascent from EM, and recognise a poor local optimum.
#
# **Before you start:** lesson 2 (the factor rule, coordinate ascent), matrices in NumPy.
#
# **Time** about 150 minutes · **Points** 25 for five exercises, 5 for the open question.
#
# | exercise | you write | about | difficulty | points |
# |---|---|---|---|---|
# | E3.1 | the exact posterior and evidence of a regression | 25 min | ●●○ | 5 |
# | E3.2 | coordinate ascent for it | 15 min | ●○○ | 5 |
# | E3.3 | its ELBO | 20 min | ●●○ | 5 |
# | E3.4 | responsibilities of a mixture | 15 min | ●○○ | 4 |
# | E3.5 | coordinate ascent for a mixture, with restarts | 35 min | ●●● | 6 |
#
# An exercise is one function: replace `raise NotImplementedError` by your code, run the cell, then
# run the check below it. Everything else in this notebook runs without your answers.

# %%
import matplotlib.pyplot as plt
import numpy as np

from autograder.checks import check
from vi_lib import cavi, datasets, densities, oracles, plots
from vi_lib.flipbook import flipbook

plots.use_style()
np.set_printoptions(precision=4, suppress=True)
default_rng = np.random.default_rng

# %% [markdown]
# | symbol | in code | meaning |
# |---|---|---|
# | $X$, $y$ | `X` (N, D), `y` (N,) | covariates, one row $x_i$ per observation; responses |
# | $\beta$ | `beta` (D,) | coefficients of the regression: unknown |
# | $\gamma$ | `noise_prec` | precision of the noise, $1/\text{sd}^2$: known |
# | $\tau_j$ | `prior_prec`, a number or (D,) | prior precision of $\beta_j$ (prior mean 0) |
# | $A$, $b$ | | precision matrix of the posterior, and $\gamma X^\top y$ |
# | $m_j$, $\lambda_j$ | `mean`, `prec` (D,) | mean and precision of the factor $q(\beta_j)$ |
# | $x_i$, $c_i$ | `x` (N,) | mixture: an observation, and the unknown label of its component |
# | $\mu_k$ | | mean of component $k$ of $K$: unknown |
# | $m_k$, $s_k^2$ | `m`, `s2` (K,) | mean and **variance** of the factor $q(\mu_k)$ |
# | $r_{ik}$ | `resp` (N, K) | responsibility, $q(c_i = k)$ |
# | $\log \pi_k$ | `log_pi` (K,) | logarithm of a component's weight |
# | $\sigma_0$ | `prior_sd` | prior sd of the $\mu_k$ |

# %% [markdown] tags=["covers: N13"]
# ## 1 · Two groups, two slopes
#
# Outside Africa, countries with rugged terrain tend to be poorer: it is hard to farm, to build and
# to trade there. Inside Africa the relation has been found to run the other way, and there is an
# argument why: rugged land protected people from the slave trade (Nunn and Puga 2012). That two
# groups may have different slopes makes these data a favourite of textbooks on Bayesian regression.
# We use **synthetic** data of the same form, 60 places in group A and 25 in group B, with a
# ruggedness $x_i \ge 0$ and a log income $y_i$, centred.
#
# One regression with four coefficients describes both lines. With $g_i = 0$ in group A and 1 in B,
#
# $$y_i = \beta_0 + \beta_1 g_i + \beta_2 x_i + \beta_3\, g_i x_i + \text{noise},
# \qquad \text{sd of the noise} = 0.8 \text{, so } \gamma = 1/0.64 .$$
#
# In group A this is a line with slope $\beta_2$; in group B the offset is $\beta_0 + \beta_1$ and
# the slope $\beta_2 + \beta_3$. The **interaction** $\beta_3$ is the difference of the slopes. A
# priori every coefficient is $N(0, \text{sd} = 2)$, that is, $\tau_j = 1/4$.

# %% tags=["demo", "covers: N13"]
data = datasets.load("two_groups")
x_all, group, y = data["x"], data["group"], data["y"]


def design(x, g):
    """Rows 1, g, x, g x: (N,), (N,) -> (N, 4)."""
    x, g = np.broadcast_arrays(x, g)
    return np.stack([np.ones(x.shape), g, x, g * x], axis=-1)


X = design(x_all, group)
noise_prec, prior_prec = 1 / 0.8**2, 1 / 2.0**2
line_x = np.linspace(0, 6, 61)
names = ("offset A", "B - A", "slope A", "slopes B - A")

fig, ax = plt.subplots(figsize=(6, 4.0))
for g, color, marker, label in ((0, plots.BLUE, "o", "group A"),
                                (1, plots.VERMILLION, "s", "group B")):
    ax.plot(x_all[group == g], y[group == g], marker, color=color, ms=6,
            alpha=0.75, label=label, ls="")
ax.set(xlabel="ruggedness x", ylabel="log income y, centred",
       xlim=(-0.1, 6.1))
ax.legend(loc="upper right")
print(f"{np.sum(group == 0):.0f} places in A, {np.sum(group == 1):.0f} in B; "
      f"of B, {np.sum(x_all[group == 1] > 3):.0f} have x > 3")
plots.show(fig, alt="Scatter plot of log income against ruggedness. Group A, "
           "round dots, falls slowly from left to right. Group B, squares, "
           "lies low on the left; two of its places lie far to the right and "
           "high up.")

# %% [markdown]
# Look at the two squares on the right. They will matter.
#
# ## 2 · The exact posterior
#
# Write the model with a general design matrix $X$ (N, D):
#
# $$\beta_j \sim N(0,\ \text{prec} = \tau_j), \qquad
# y_i \mid \beta \sim N(x_i^\top \beta,\ \text{prec} = \gamma) .$$
#
# **Mean and covariance.** Take the log joint and keep what contains $\beta$:
#
# $$\begin{aligned}
# \log p(y, \beta)
# &= -\tfrac{\gamma}{2} \sum_i (y_i - x_i^\top \beta)^2 - \tfrac12 \sum_j \tau_j \beta_j^2
#    + \text{const} && \text{two Gaussians} \\
# &= -\tfrac{\gamma}{2} \big(\beta^\top X^\top X \beta - 2\, \beta^\top X^\top y\big)
#    - \tfrac12 \beta^\top T \beta + \text{const} && T = \operatorname{diag}(\tau) \\
# &= -\tfrac12\, \beta^\top A\, \beta + \beta^\top b + \text{const},
# \end{aligned}$$
#
# $$\boxed{\ A = T + \gamma X^\top X, \qquad b = \gamma X^\top y\ } \tag{1}$$
#
# A Gaussian $N(m, \text{prec} = A)$ has the log density $-\frac12 \beta^\top A \beta + \beta^\top A
# m + \text{const}$. So the posterior is Gaussian with **precision matrix $A$** and a mean that
# solves $A m = b$; its covariance is $A^{-1}$ (Bishop 2006, eqs. 3.53-3.54, for a common $\tau$).
# Every observation adds $\gamma x_i x_i^\top$ to the precision. The prior adds $\tau_j$ to the
# diagonal, and only there: it knows of no relation between coefficients.
#
# **The evidence.** Bayes' rule, $p(\beta \mid y) = p(y, \beta) / p(y)$, solved for $p(y)$:
#
# $$\log p(y) = \log p(y \mid \beta) + \log p(\beta) - \log p(\beta \mid y)
# \qquad \text{for every } \beta .$$
#
# Choose $\beta = m$. There the exponent of the posterior density is 0, and what remains of
# $\log p(m \mid y)$ is its normaliser, $\frac12 \log |A| - \frac D2 \log 2\pi$:
#
# $$\begin{aligned}
# \log p(y) ={} &\underbrace{\tfrac N2 \log \tfrac{\gamma}{2\pi}
#   - \tfrac\gamma2 \textstyle\sum_i (y_i - x_i^\top m)^2}_{\log p(y \mid m)}
#   + \underbrace{\tfrac12 \textstyle\sum_j \log \tfrac{\tau_j}{2\pi}
#   - \tfrac12 \sum_j \tau_j m_j^2}_{\log p(m)} \\
#  &- \underbrace{\big(\tfrac12 \log |A| - \tfrac D2 \log 2\pi\big)}_{\log p(m \mid y)}
# \end{aligned} \tag{2}$$
#
# (Bishop 2006, eq. 3.86). The $D$ factors $2\pi$ of prior and posterior cancel. What is left of
# both, $\frac12 \log(\prod_j \tau_j / |A|)$, is negative: the price of having to find $\beta$ in
# the wide prior.
#
# There is a second way to the same number. Without $\beta$, the responses are jointly Gaussian with
# mean 0 and covariance $X T^{-1} X^\top + \gamma^{-1} I$: here *variances* add. It needs the
# determinant of an (N, N) matrix where (2) needs one of a (D, D) matrix, but it is a good test.

# %% tags=["demo", "covers: N15"]
exact_mean, exact_cov, log_evidence = cavi.exact_posterior_linreg(
    X, y, prior_prec, noise_prec
)
exact_sd = np.sqrt(np.diag(exact_cov))
cov_y = X @ X.T / prior_prec + np.eye(len(y)) / noise_prec
log_det = np.linalg.slogdet(2 * np.pi * cov_y)[1]
by_cov = -0.5 * (log_det + y @ np.linalg.solve(cov_y, y))
for name, m, s in zip(names, exact_mean, exact_sd, strict=True):
    print(f"{name:13s} {m:7.3f} ± {s:.3f}")
corr = exact_cov / np.outer(exact_sd, exact_sd)
print("correlations\n", corr.round(2))
print(f"log p(y) by (2) {log_evidence:.6f}, "
      f"by the covariance of y {by_cov:.6f}")

# %% [markdown]
# Four correlations are strong, from −0.62 to −0.79: offset and slope pull against each other, those
# of A and the two differences (both are determined by the same points, which all lie at $x > 0$),
# and so do each coefficient of A and the difference B − A that is measured from it.
#
# <details><summary><b>Concept 1:</b> double the noise precision and change nothing else. What
# happens to the posterior mean, to the covariance, and to a coefficient whose covariate is always
# 0?</summary>
#
# The data weigh twice as much in $A$ and $b$, so the mean moves from 0 towards the least-squares
# fit and the covariance shrinks, to about a half where the data dominate. A coefficient that no
# datum touches has a zero row in $X^\top X$: it keeps its prior, mean 0 and precision $\tau_j$.
# </details>
#
# ### Exercise 3.1 · The exact posterior of a regression (5 points)
#
# Return `(mean, cov, log_evidence)`: the posterior mean (D,), the covariance (D, D), and $\log
# p(y)$ with all constants. `prior_prec` may be one number for all coefficients or a vector (D,),
# and there may be fewer data than coefficients. Determinants leave the range of floating-point
# numbers soon: `np.linalg.slogdet` or a Cholesky factor gives their logarithm.

# %% exercise="E3.1"
def exact_posterior_linreg(X, y, prior_prec, noise_prec):
    """Posterior and evidence of linear regression with known noise.

    beta_j ~ N(0, prec=prior_prec_j), y_i ~ N(x_i' beta, prec=noise_prec).
    X: (N, D); y: (N,); prior_prec: a number or (D,); noise_prec: a number.
    Returns (mean, cov, log_evidence): (D,), (D, D), a number in nats.
    """
    ### BEGIN SOLUTION
    num, dim = X.shape
    prior = prior_prec * np.ones(dim)
    A = np.diag(prior) + noise_prec * X.T @ X
    mean = np.linalg.solve(A, noise_prec * X.T @ y)
    log_lik = 0.5 * num * np.log(noise_prec / (2 * np.pi))
    log_lik -= 0.5 * noise_prec * np.sum((y - X @ mean) ** 2)
    log_prior = 0.5 * np.sum(np.log(prior) - prior * mean**2)
    log_evidence = log_lik + log_prior - 0.5 * np.linalg.slogdet(A)[1]
    return mean, np.linalg.inv(A), log_evidence
    ### END SOLUTION

# %% check="E3.1" seed=3101

# %% [markdown] tags=["covers: N15"]
# ## 3 · Coordinate ascent
#
# Now pretend that we could not solve $Am = b$, and let $q(\beta) = \prod_j q(\beta_j)$. The factor
# rule of lesson 2 says $\log q(\beta_j) = E_{-j}[\log p(y, \beta)] + \text{const}$. Single out
# $\beta_j$ in the residual,
#
# $$y_i - x_i^\top \beta = \underbrace{\Big(y_i - \sum_{k \ne j} x_{ik} \beta_k\Big)}_{\text{what is
# left for } \beta_j} - x_{ij} \beta_j ,$$
#
# square it, average over the other coefficients (the square of the bracket does not contain
# $\beta_j$; in the cross term each $\beta_k$ becomes its mean $m_k$), and add the prior:
#
# $$\begin{aligned}
# \log q(\beta_j) &= -\tfrac\gamma2 \sum_i \Big[x_{ij}^2 \beta_j^2 - 2\, x_{ij} \beta_j \Big(y_i -
#   \sum_{k \ne j} x_{ik} m_k\Big)\Big] - \tfrac12 \tau_j \beta_j^2 + \text{const} \\
# &= -\tfrac12 \underbrace{\Big(\tau_j + \gamma \sum_i x_{ij}^2\Big)}_{\lambda_j} \beta_j^2
#   + \beta_j\, \gamma \sum_i x_{ij} \Big(y_i - \sum_{k \ne j} x_{ik} m_k\Big) + \text{const} .
# \end{aligned}$$
#
# A quadratic, hence a Gaussian factor (nobody assumed it):
#
# $$\boxed{\ \lambda_j = \tau_j + \gamma \sum_i x_{ij}^2, \qquad
# m_j \leftarrow \frac{\gamma}{\lambda_j} \sum_i x_{ij} \Big(y_i - \sum_{k \ne j} x_{ik} m_k\Big)\ }
# \tag{3}$$
#
# Compare with (1):
#
# - $\lambda_j = A_{jj}$. The **precisions** are the diagonal of the exact precision matrix. They
#   are final at once, and $1/A_{jj} \le (A^{-1})_{jj}$: never wider than the exact marginal.
# - At rest, (3) says $(Am)_j = b_j$ for every $j$: the **means** are exact. On the way there each
#   update solves one equation with the freshest values of the others, which is known in numerical
#   mathematics as the Gauss-Seidel method.
#
# ### Exercise 3.2 · Coordinate ascent for a regression (5 points)
#
# Write (3) as a loop. Start with all means at 0, make exactly `num_sweeps` sweeps, and update every
# coefficient once in each, in any order you like. Return `(mean, prec)`, the means and the
# **precisions** of the factors, both (D,) and of floating-point numbers, even if all inputs are
# whole. `prior_prec` is a number or a vector (D,).

# %% exercise="E3.2"
def cavi_linreg(X, y, prior_prec, noise_prec, num_sweeps):
    """Coordinate ascent with one Gaussian factor per coefficient.

    X: (N, D); y: (N,); prior_prec: a number or (D,); noise_prec: a number.
    num_sweeps: how often each coefficient is updated, from means of 0.
    Returns (mean, prec), each (D,): q(beta_j) = N(mean_j, prec=prec_j).
    """
    ### BEGIN SOLUTION
    dim = X.shape[1]
    prec = prior_prec * np.ones(dim) + noise_prec * np.sum(X**2, axis=0)
    mean = np.zeros(dim)
    for _ in range(num_sweeps):
        for j in range(dim):
            left = y - X @ mean + X[:, j] * mean[j]
            mean[j] = noise_prec * (X[:, j] @ left) / prec[j]
    return mean, prec
    ### END SOLUTION

# %% check="E3.2" seed=3201

# %% [markdown]
# ### The ascent, seen on two coefficients
#
# Four coefficients do not fit on paper. The pictures show two of them, the slope of A and the
# difference of the slopes, against the exact marginal posterior of the pair. Sweep after sweep the
# mean of $q$ approaches the centre; the red ellipse holds 95 % of $q$, the shaded regions 50 % and
# 95 % of the exact posterior.

# %% tags=["demo", "covers: N15 N16"]
pair = [2, 3]
exact_pair = oracles.CorrelatedGaussian(
    exact_mean[pair], exact_cov[np.ix_(pair, pair)]
)
sweep_counts = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
path = [np.zeros(4)]
for n in range(1, 65):
    path.append(cavi.cavi_linreg(X, y, prior_prec, noise_prec, n)[0])
path = np.array(path)
q_mean, q_prec = cavi.cavi_linreg(X, y, prior_prec, noise_prec, 2000)
q_sd = q_prec**-0.5


def draw_sweeps(fig, n):
    ax = fig.subplots()
    plots.contours(ax, exact_pair.log_joint, (-0.7, 0.3), (-0.1, 1.25),
                   mass=(0.5, 0.95), label="exact")
    ax.plot(*path[: n + 1, pair].T, color=plots.BLUE, marker="o", ms=4,
            lw=1.2, label="means of q")
    plots.ellipse(ax, path[n, pair], np.diag(1 / q_prec[pair]),
                  label="q, 95 %")
    bound = cavi.elbo_linreg(X, y, prior_prec, noise_prec, path[n], q_prec)
    ax.set_title(f"log p(y) − ELBO = {log_evidence - bound:.3f} nats",
                 fontsize=13)
    ax.set(xlabel="slope of A", ylabel="slope of B − slope of A")
    ax.legend(loc="lower left", fontsize=11)


flipbook(
    draw_sweeps, sweep_counts, label="sweep {}", figsize=(6.0, 4.6), start=4,
    alt="Contours of the exact posterior of two coefficients, a long ellipse "
        "leaning to the left. The means of q start at the origin, step to the "
        "right, then creep along the ellipse to its centre. The ellipse of q "
        "does not lean and covers only the middle of the exact one."
)

# %% tags=["demo"]
for n in (1, 4, 16, 64):
    gap = log_evidence - cavi.elbo_linreg(
        X, y, prior_prec, noise_prec, path[n], q_prec
    )
    off = np.max(np.abs(path[n] - exact_mean) / exact_sd)
    print(f"sweep {n:2d}: means at most {off:.4f} exact sds off, "
          f"log p(y) - ELBO = {gap:.4f} nats")
log_dets = np.sum(np.log(q_prec)) + np.linalg.slogdet(exact_cov)[1]
print(f"at rest: (sum log prec - log|A|) / 2 = {0.5 * log_dets:.4f} nats")
step = np.tril(np.linalg.inv(exact_cov))
rate = np.eye(4) - np.linalg.solve(step, np.linalg.inv(exact_cov))
radius = np.max(np.abs(np.linalg.eigvals(rate)))
print(f"each sweep leaves {radius:.3f} of the error")

# %% [markdown] tags=["covers: N16"]
# ### What mean field gets wrong
#
# The means are right. The sds are about half of what they should be. Here are both posteriors of
# each coefficient, and, on the right, of a quantity that nobody gave a factor to: the slope of B,
# $\beta_2 + \beta_3$.

# %% tags=["demo", "covers: N16"]
slope_b = np.array([0.0, 0.0, 1.0, 1.0])
directions = [*np.eye(4)[[0, 1, 2, 3]], slope_b]
titles = (*names, "slope B")
print("                  mean   exact sd   mean-field sd   ratio")
spreads = []
for title, d in zip(titles, directions, strict=True):
    sd_exact = np.sqrt(d @ exact_cov @ d)
    sd_q = np.sqrt(d @ (d / q_prec))
    spreads.append((d @ exact_mean, sd_exact, sd_q))
    print(f"{title:14s} {d @ exact_mean:8.3f} {sd_exact:10.3f} {sd_q:15.3f}"
          f" {sd_q / sd_exact:7.2f}")

# %% tags=["demo", "covers: N16"]
fig, axes = plt.subplots(2, 3, figsize=(6, 4.6))
for ax, title, (m, s, s_q) in zip(axes.flat, titles, spreads, strict=False):
    at = np.linspace(m - 4 * s, m + 4 * s, 201)
    ax.fill_between(at, np.exp(densities.normal(at, m, s)),
                    color=plots.BLACK, alpha=0.25)
    ax.plot(at, np.exp(densities.normal(at, m, s_q)),
            color=plots.VERMILLION)
    ax.set_title(title, fontsize=12)
    ax.set(yticks=[], xlim=(at[0], at[-1]))
    ax.tick_params(labelsize=10)
last = axes.flat[-1]
last.axis("off")
last.fill_between([], [], color=plots.BLACK, alpha=0.25, label="exact")
last.plot([], [], color=plots.VERMILLION, label="mean field")
last.legend(loc="center", fontsize=12)
plots.show(fig, alt="Five panels with the exact posterior, shaded, and the "
           "mean-field one, a line. For the four coefficients mean field is "
           "half as wide and twice as high, with the same centre. For the "
           "slope of group B the two nearly agree.")

# %% [markdown]
# So for the slope of B, a sum of two coefficients, mean field is nearly right, although it is badly
# wrong about both terms. Two errors cancel: each variance is too small, and the negative covariance
# that the exact sum contains is left out, which makes the sum too large. It can come out either
# way.
#
# <details><summary><b>Concept 2:</b> "mean field always underestimates uncertainty."
# True?</summary>
#
# For a Gaussian posterior it is true of each coordinate that has a factor of its own. It is not
# true of functions of several coordinates. Take two coefficients with a strong *negative*
# correlation: the exact sum is known well, and mean field, which drops the covariance, may find it
# more uncertain than it is. With a strong *positive* correlation sums come out far too narrow. So
# look at the quantity that you report. Section 4 has such a case: the band around a line.
# </details>
#
# <details><summary><b>Concept 3:</b> could one choose coefficients for which mean field is
# exact?</summary>
#
# Yes: those for which $A$ is diagonal. Two lines with an offset and a slope for each group, instead
# of differences between groups, remove the correlations across groups. If in each group $x$ is
# measured from its mean, offset and slope become uncorrelated, too. The model of the data is the
# same; the factorisation is not. Which coordinates are independent under $q$ is a modelling
# decision. (The prior changes a little: independent priors on differences are not independent
# priors on lines.)
# </details>

# %% tags=["demo", "covers: N16"]
in_b = group == 1
centred = np.where(in_b, x_all - x_all[in_b].mean(),
                   x_all - x_all[~in_b].mean())
lines = np.stack([~in_b, in_b, ~in_b * centred, in_b * centred], axis=1)
for label, design_matrix in (("differences", X), ("centred lines", lines)):
    _, cov, top = cavi.exact_posterior_linreg(
        design_matrix, y, prior_prec, noise_prec
    )
    mean, prec = cavi.cavi_linreg(
        design_matrix, y, prior_prec, noise_prec, 2000
    )
    bound = cavi.elbo_linreg(
        design_matrix, y, prior_prec, noise_prec, mean, prec
    )
    ratios = (prec * np.diag(cov)) ** -0.5
    print(f"{label:14s} mean-field sd / exact sd {ratios.round(3)}, "
          f"gap {top - bound:.4f} nats")

# %% [markdown]
# ## 4 · Lines, bands and two influential places
#
# What does a too narrow $q$ do to a conclusion? Draw coefficients from each posterior, and draw
# their lines.

# %% tags=["demo", "covers: N13 N16"]
rng = default_rng(4)
root = np.linalg.cholesky(exact_cov)
eps = rng.standard_normal((25, 4))
samples = {"exact": exact_mean + eps @ root.T,
           "mean field": q_mean + eps * q_sd}
fig, axes = plt.subplots(1, 2, figsize=(6, 3.8), sharey=True)
for ax, (title, betas) in zip(axes, samples.items(), strict=True):
    for g, color, marker in ((0, plots.BLUE, "o"), (1, plots.VERMILLION, "s")):
        ax.plot(x_all[group == g], y[group == g], marker, color=color, ms=3.5,
                alpha=0.6)
        ax.plot(line_x, design(line_x, g) @ betas.T, color=color, lw=0.7,
                alpha=0.5)
    ax.set_title(title, fontsize=13)
    ax.set(xlabel="ruggedness x", xlim=(0, 6), ylim=(-3.6, 3.2))
axes[0].set_ylabel("log income y")
plots.show(fig, alt="Two panels with the data and 25 lines per group, drawn "
           "from the exact posterior on the left and from mean field on the "
           "right. Exact lines cross near the middle of the data and spread "
           "at both ends; mean-field lines of group A spread less at both "
           "ends and have no waist.")

# %% [markdown] tags=["covers: N17"]
# The exact lines form a waist where the data are: there the offset and the slope compensate each
# other. Mean field does not know of the compensation, so its lines have no waist. Put a number on
# it. At a new place with the covariates $x_*$,
#
# $$E[y_* \mid y] = x_*^\top m, \qquad
# \operatorname{Var}[y_* \mid y] = \underbrace{\gamma^{-1}}_{\text{noise}} +
# \underbrace{x_*^\top \operatorname{Cov}[\beta]\, x_*}_{\text{uncertainty of the line}}, \qquad
# \operatorname{Cov}[\beta] = A^{-1} \text{ or } \operatorname{diag}(1/\lambda) . \tag{4}$$
#
# The second term belongs to the *line*, and goes to 0 with more data; the sum belongs to a new
# *observation*, and does not.

# %% tags=["demo", "covers: N17"]
rows = design(line_x, 0.0)
sd_lines = {"exact": np.sqrt(np.sum((rows @ exact_cov) * rows, axis=1)),
            "mean field": np.sqrt(rows**2 @ (1 / q_prec))}
fig, (top, low) = plt.subplots(2, 1, figsize=(6, 5.6), sharex=True,
                               height_ratios=(3, 2))
centre = rows @ exact_mean
noise_sd = noise_prec**-0.5
top.plot(x_all[group == 0], y[group == 0], "o", color=plots.BLUE, ms=4,
         alpha=0.7)
for k, (label, sd_line) in enumerate(sd_lines.items()):
    color = (plots.BLACK, plots.VERMILLION)[k]
    style = ("-", "--")[k]
    total = np.hypot(sd_line, noise_sd)
    for side in (-2, 2):
        top.plot(line_x, centre + side * sd_line, style, color=color, lw=1.6)
        top.plot(line_x, centre + side * total, style, color=color, lw=0.8)
    low.plot(line_x, sd_line, style, color=color, label=label)
top.text(5.9, 2.85, "thick: the line, thin: a new observation", ha="right",
         va="top", fontsize=11)
top.set(ylabel="y, group A", xlim=(0, 6))
low.set(xlabel="ruggedness x", ylabel="sd of the line", ylim=(0, None))
low.legend(loc="upper left")
for at in (0.0, 1.5, 5.0):
    k = int(np.argmin(np.abs(line_x - at)))
    print(f"x = {at:.1f}: sd of the line exact "
          f"{sd_lines['exact'][k]:.3f}, mean field "
          f"{sd_lines['mean field'][k]:.3f}; sd of a new observation "
          f"{np.hypot(sd_lines['exact'][k], noise_sd):.3f}, "
          f"{np.hypot(sd_lines['mean field'][k], noise_sd):.3f}")
plots.show(fig, alt="Top: data of group A with bands of two sds for the line, "
           "thick, and for a new observation, thin; exact solid, mean field "
           "dashed. Bottom: the sd of the line; the exact one has a minimum "
           "near x = 1.3 and rises to both sides, the mean-field one rises "
           "from left to right: too small at 0, a little too large from 1 "
           "to 2.3, far too small on the right.")

# %% [markdown] tags=["covers: N17"]
# For predictions of new observations mean field does hardly any harm here, because the noise
# dominates. How does that depend on the number of data? Fit on a part of them and judge by the
# **held-out log likelihood**, the average of $\log N(y_*;\ x_*^\top m,\ \text{var of (4)})$ over
# places that were not used. "Plug-in" takes $\beta = m$ as if it were known, without the second
# term of (4).

# %% tags=["demo", "covers: N17"]
fractions = (0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7)
scores = {"exact": [], "mean field": [], "plug-in": []}
for fraction in fractions:
    found = {name: [] for name in scores}
    for split in range(200):
        order = default_rng([17, split]).permutation(len(y))
        size = int(round(fraction * len(y)))
        fit, rest = order[:size], order[size:]
        mean, cov, _ = cavi.exact_posterior_linreg(
            X[fit], y[fit], prior_prec, noise_prec
        )
        prec = prior_prec + noise_prec * np.sum(X[fit] ** 2, axis=0)
        spread = {"exact": np.sum((X[rest] @ cov) * X[rest], axis=1),
                  "mean field": X[rest] ** 2 @ (1 / prec), "plug-in": 0.0}
        for name, var in spread.items():
            sd = np.sqrt(var + 1 / noise_prec)
            log_pred = densities.normal(y[rest], X[rest] @ mean, sd)
            found[name].append(np.mean(log_pred))
    for name, values in found.items():
        scores[name].append(np.mean(values))

fig, ax = plt.subplots(figsize=(6, 3.8))
for (name, values), color, style in zip(
    scores.items(), (plots.BLACK, plots.VERMILLION, plots.BLUE),
    ("-", "--", "-."), strict=True
):
    ax.plot(100 * np.array(fractions), values, style, marker="o", ms=5,
            color=color, label=name)
ax.set(xlabel="per cent of the data used for the fit", ylim=(-2.6, -1.1),
       ylabel="held-out log likelihood,\nnats per place")
ax.legend(loc="lower right")
for k in (0, 4, 7):
    print(f"{fractions[k]:4.0%}: " + ", ".join(
        f"{name} {values[k]:.3f}" for name, values in scores.items()))
plots.show(fig, alt="Held-out log likelihood against the fraction of data "
           "used, for the exact posterior, mean field and the plug-in "
           "prediction. With few data the exact one is best and the plug-in "
           "clearly worst; from about half of the data on all three agree.")

# %% [markdown] tags=["covers: N14"]
# ### Two places carry the slope
#
# The slope of B is positive, by three and a half sds of the exact posterior and by four of mean
# field's. Now leave out the two places on the far right and fit again.

# %% tags=["demo", "covers: N14"]
far = (group == 1) & (x_all > 4)
fits = {"all places": np.ones(len(y), bool), "without the two": ~far}
fig, ax = plt.subplots(figsize=(6, 4.0))
ax.plot(x_all[in_b], y[in_b], "s", color=plots.VERMILLION, ms=6, alpha=0.7)
ax.plot(x_all[far], y[far], "o", ms=16, mfc="none", color=plots.BLACK)
for (label, keep), color, style in zip(
    fits.items(), (plots.BLACK, plots.BLUE), ("-", "--"), strict=True
):
    mean, cov, _ = cavi.exact_posterior_linreg(
        X[keep], y[keep], prior_prec, noise_prec
    )
    sd = np.sqrt(slope_b @ cov @ slope_b)
    rows = design(line_x, 1.0)
    band = 2 * np.sqrt(np.sum((rows @ cov) * rows, axis=1))
    ax.plot(line_x, rows @ mean, style, color=color, label=label)
    ax.fill_between(line_x, rows @ mean - band, rows @ mean + band,
                    color=color, alpha=0.15, lw=0)
    prec = prior_prec + noise_prec * np.sum(X[keep] ** 2, axis=0)
    sd_q = np.sqrt(slope_b @ (slope_b / prec))
    print(f"{label:16s} slope of B {slope_b @ mean:6.3f}, exact sd {sd:.3f}, "
          f"mean-field sd {sd_q:.3f}")
ax.set(xlabel="ruggedness x", ylabel="y, group B", xlim=(0, 6),
       ylim=(-3.5, 3.2))
ax.legend(loc="lower right")
plots.show(fig, alt="Group B with two fitted lines and bands. With all places "
           "the line rises; the two places on the far right, circled, lie on "
           "it. Without them the line is flat and its band, wide open at the "
           "right, contains every slope from clearly falling to clearly "
           "rising.")

# %% [markdown] tags=["covers: N14"]
# The slope vanishes, and its sd more than doubles: the other 23 places say nearly nothing about
# it. No posterior warns of this. It is *conditional on the model*, in which the noise is Gaussian
# with sd 0.8 and every place obeys one line; so far out on the right a place has a long lever. And
# see what mean field makes of it: with the two places it came close to the exact sd; without them
# its sd is only six tenths of it. **Criticise the model before you blame the approximation.**
#
# <details><summary><b>Concept 4:</b> name two changes of the model, not of the data, that would
# make the conclusion depend less on two places.</summary>
#
# A noise distribution with heavier tails (Student's t): then a residual of 2 sds costs less than
# its square, and the line is pulled less. A covariate on another scale, such as log(1 + x): then
# the two places are not that far out. Or a noise precision that is unknown and differs between
# groups. Deleting the places because one dislikes the result is none of these; reporting both
# fits is good practice.
# </details>
#
# ## 5 · The ELBO, and why to compute it
#
# Each update (3) is right if the ELBO never falls, so we want it; and it is a bound of the
# evidence, by which models are compared. With $q(\beta_j) = N(m_j, \text{prec} = \lambda_j)$ for
# *any* $m$ and $\lambda$, its three expectations are
#
# $$\mathcal L = E_q[\log p(y \mid \beta)] + E_q[\log p(\beta)] + H[q] .$$
#
# - **Likelihood.** Under $q$ the residual $y_i - x_i^\top \beta$ has the mean $y_i - x_i^\top m$
#   and, the $\beta_j$ being independent, the variance $\sum_j x_{ij}^2 / \lambda_j$. The mean of
#   its square is the square of the mean plus the variance.
# - **Prior.** $E_q[\beta_j^2] = m_j^2 + 1/\lambda_j$.
# - **Entropy.** That of a Gaussian with precision $\lambda$ is $\frac12 \log(2\pi e / \lambda)$,
#   and independent factors add up.
#
# Put them together yourself.
#
# ### Exercise 3.3 · The ELBO of a regression (5 points)
#
# Return $\mathcal L$ in nats, with every constant, for factors that need not be optimal. A test
# that costs nothing: at the end of coordinate ascent it must lie below `log_evidence` of E3.1 by
# $\frac12 (\sum_j \log \lambda_j - \log |A|)$.

# %% exercise="E3.3"
def elbo_linreg(X, y, prior_prec, noise_prec, mean, prec):
    """ELBO of q(beta) = prod_j N(mean_j, prec=prec_j), in nats.

    X: (N, D); y: (N,); prior_prec: a number or (D,); noise_prec: a number.
    mean, prec: (D,), means and precisions of the factors.
    Returns one number, with every constant.
    """
    ### BEGIN SOLUTION
    num, dim = X.shape
    prior = prior_prec * np.ones(dim)
    squares = np.sum((y - X @ mean) ** 2) + np.sum(X**2 / prec)
    log_lik = 0.5 * num * np.log(noise_prec / (2 * np.pi))
    log_lik -= 0.5 * noise_prec * squares
    log_prior = 0.5 * np.sum(np.log(prior / (2 * np.pi)))
    log_prior -= 0.5 * np.sum(prior * (mean**2 + 1 / prec))
    entropy = 0.5 * np.sum(np.log(2 * np.pi * np.e / prec))
    return log_lik + log_prior + entropy
    ### END SOLUTION

# %% check="E3.3" seed=3301

# %% [markdown] tags=["covers: X23 X24"]
# > **Spot the error.** A published notebook fits this model by coordinate ascent and computes its
# > bound like this (shortened). It fetches its data from two different addresses, with the check of
# > certificates switched off. Find five mistakes.
# >
# > ```python
# > q_w_prec = np.array([[1]])                 # later: q_w_prec[0, 0] = 601.345
# > ent = 0.5 * np.log(1 * np.pi * np.e / q_w_prec)
# > elbo = E_log_p - ent
# > levels_from = q_w_mean - 3 / q_w_prec      # range of a contour plot
# > def get_ll(x, y, w, b, theta):             # log likelihood, theta: noise precision
# >     return np.sum(-0.5 * (y - w * x - b) ** 2)
# > ```
# >
# > <details><summary>Answer</summary>
# >
# > 1. `np.array([[1]])` holds whole numbers, and so the precision 601.345 is stored as 601. Nothing
# >    complains.
# > 2. The entropy of a Gaussian has $2\pi e$, not $1\pi e$.
# > 3. It is *added*: $\mathcal L = E_q[\log p] + H[q]$.
# > 4. `3 / q_w_prec` is three *variances*; three sds are `3 / np.sqrt(q_w_prec)`.
# > 5. The noise precision `theta` is an argument and never used. Neither the factor before the
# >    square nor $\frac N2 \log \theta$ is there.
# >
# > And the data: two copies under two addresses may differ, and without the check of certificates
# > nobody knows who sent them. Ship small data with the code, or compare a checksum.
# > </details>

# %% tags=["demo", "covers: X23"]
bound = cavi.elbo_linreg(X, y, prior_prec, noise_prec, q_mean, q_prec)
entropy = 0.5 * np.sum(np.log(2 * np.pi * np.e / q_prec))
wrong_entropy = 0.5 * np.sum(np.log(np.pi * np.e / q_prec))
print(f"log p(y)                     {log_evidence:10.4f}")
print(f"ELBO                         {bound:10.4f}")
print(f"entropy subtracted           {bound - 2 * entropy:10.4f}")
print(f"... and 1 for 2 in 2 pi e    "
      f"{bound - entropy - wrong_entropy:10.4f}")
cut = np.zeros(4, int)
cut[:] = q_prec
print(f"precisions {q_prec.round(3)}, stored as whole numbers {cut}")

# %% [markdown] tags=["covers: N15"]
# Subtracting the entropy even puts the "bound" *above* the evidence here; a comparison with exact
# values would have shown it at once. Does the choice between models survive the approximation? Is
# the interaction $\beta_3$ needed, or will one slope do for both groups?

# %% tags=["demo", "covers: N15"]
print("                      log p(y)      ELBO       gap")
totals = {}
for label, columns in (("two slopes", [0, 1, 2, 3]), ("one slope", [0, 1, 2]),
                       ("no slope", [0, 1])):
    part = X[:, columns]
    top = cavi.exact_posterior_linreg(part, y, prior_prec, noise_prec)[2]
    mean, prec = cavi.cavi_linreg(part, y, prior_prec, noise_prec, 2000)
    low = cavi.elbo_linreg(part, y, prior_prec, noise_prec, mean, prec)
    totals[label] = (top, low)
    print(f"{label:18s} {top:11.3f} {low:10.3f} {top - low:9.3f}")
gains = np.subtract(totals["two slopes"], totals["one slope"])
print(f"two slopes instead of one: {gains[0]:.3f} nats by the evidence, "
      f"{gains[1]:.3f} by the ELBO")

# %% [markdown]
# The order is the same here, but the gap grows with the number of correlated coefficients. So the
# ELBO charges rich models for the quality of $q$, and two models whose evidences differ by less
# than their gaps may change places.
#
# ## 6 · A mixture: who made this observation?
#
# Now a model with a discrete unknown for every observation. There are $K$ components; nature draws
# a mean for each, then for each observation a component, then the observation:
#
# $$\mu_k \sim N(0,\ \text{sd} = \sigma_0), \qquad c_i \sim \text{Categorical}(\tfrac1K, \dots,
# \tfrac1K), \qquad x_i \mid c_i, \mu \sim N(\mu_{c_i},\ \text{sd} = 1) .$$
#
# To keep the formulas short, all components have the same weight and variance 1, both known (Blei,
# Kucukelbir and McAuliffe 2017, section 2.1). Our data: a thousand observations of three
# components, with a wide prior, $\sigma_0 = 10$.

# %% tags=["demo", "covers: B30 F14"]
mixture = datasets.load("mixture_1000")
obs, true_label = mixture["x"], mixture["label"].astype(int)
prior_sd = 10.0
true_means = np.array([obs[true_label == k].mean() for k in range(3)])
print(f"{len(obs)} observations from {obs.min():.2f} to {obs.max():.2f}; "
      f"averages by true component {np.sort(true_means).round(3)}")

fig, ax = plt.subplots(figsize=(6, 3.0))
ax.hist(obs, bins=60, color=plots.BLACK, alpha=0.35)
ax.set(xlabel="x", ylabel="observations")
plots.show(fig, alt="Histogram of a thousand observations with three humps of "
           "equal height: one near -10, two close together near 0.6 and 5.")

# %% [markdown] tags=["covers: B15"]
# ### Two ways with a discrete unknown
#
# The labels $c_i$ have no derivative, so nothing that follows a gradient of the log joint can move
# them. There are two ways out.
#
# 1. **Sum them out.** $p(x_i \mid \mu) = \frac1K \sum_k N(x_i; \mu_k, 1)$ is a smooth function of
#    $\mu$. Gradient methods (lessons 5 to 8) *must* do this, or use the score function.
# 2. **Give them a factor of $q$.** Coordinate ascent never differentiates: it averages. So
#    $q(\mu, c) = \prod_k q(\mu_k) \prod_i q(c_i)$, with a table $q(c_i = k) = r_{ik}$ of
#    **responsibilities** (N, K), whose rows sum to 1.
#
# The price of the second way is one more assumption, that labels and means are independent under
# $q$. The reward is closed forms. We go this way.
#
# ### The factor of a label
#
# The factor rule, $\log q(c_i) = E_{-c_i}[\log p(x, \mu, c)] + \text{const}$. Of the log joint only
# two terms contain $c_i$: its prior $\log \pi_{c_i}$ (we keep general weights; here $\pi_k = 1/K$)
# and the density of $x_i$. At $c_i = k$,
#
# $$\begin{aligned}
# \log r_{ik} &= \log \pi_k + E_q[\log N(x_i; \mu_k, 1)] + \text{const} \\
# &= \log \pi_k - \tfrac12 E_q[(x_i - \mu_k)^2] + \text{const}
#   && -\tfrac12 \log 2\pi \text{ is the same for all } k \\
# &= \log \pi_k - \tfrac12 \big[(x_i - m_k)^2 + s_k^2\big] + \text{const}
#   && \mu_k \text{ has mean } m_k \text{ and variance } s_k^2 .
# \end{aligned}$$
#
# The constant makes the row sum to 1:
#
# $$\boxed{\ r_{ik} = \frac{\exp a_{ik}}{\sum_l \exp a_{il}}, \qquad
# a_{ik} = \log \pi_k - \tfrac12 \big[(x_i - m_k)^2 + s_k^2\big]\ } \tag{5}$$
#
# It is Bayes' rule for the label, but for the $s_k^2$: a component whose mean is uncertain is a
# little less plausible everywhere. Multiply the square out and $-\frac12 x_i^2$ cancels as well:
# $a_{ik} = \log \pi_k + x_i m_k - \frac12 (m_k^2 + s_k^2)$. This is how it stands in many texts,
# and it is more dangerous in floating point, as it has large numbers of both signs.
#
# **Compute it safely.** At $x = m = 40$ the expanded exponent is $+800$, and $e^{800}$ is `inf`; at
# $x = 40$ and $m = 0$ the unexpanded one is $-800$, and $e^{-800}$ is 0. If that happens in every
# column, the row is 0/0. Only differences within a row count, so subtract the largest exponent *of
# each row* first (lesson 1, section 7).

# %% tags=["demo", "covers: B32 X47"]
x_far, m_far = np.array([40.0, 100.0]), np.array([0.0, 40.0])
with np.errstate(all="ignore"):
    a = x_far[:, None] * m_far - 0.5 * m_far**2
    print("expanded, no shift    ",
          (np.exp(a) / np.exp(a).sum(1, keepdims=True)).tolist())
    a = -0.5 * (x_far[:, None] - m_far) ** 2
    print("squares, no shift     ",
          (np.exp(a) / np.exp(a).sum(1, keepdims=True)).tolist())
print("largest taken out     ",
      cavi.gmm_responsibilities(x_far, m_far, 1.0, np.log(0.5)).tolist())

# %% [markdown]
# ### Exercise 3.4 · Responsibilities (4 points)
#
# Write (5). `s2` holds **variances** of $q(\mu_k)$, one for each component, `log_pi` log weights.
# The result has one row for each observation and one column for each component, also if N or K
# is 1. Observations may be hundreds of sds away from every component.

# %% exercise="E3.4"
def gmm_responsibilities(x, m, s2, log_pi):
    """Best q(c) given q(mu): how much each component owns each datum.

    x: (N,) data; the components have variance 1.
    m, s2: (K,), means and variances of q(mu_k); log_pi: (K,), log weights.
    Returns (N, K), rows that sum to 1.
    """
    ### BEGIN SOLUTION
    a = log_pi - 0.5 * ((x[:, None] - m) ** 2 + s2)
    weights = np.exp(a - np.max(a, axis=1, keepdims=True))
    return weights / np.sum(weights, axis=1, keepdims=True)
    ### END SOLUTION

# %% check="E3.4" seed=3401

# %% [markdown] tags=["covers: X25"]
# **With two components** the responsibility is an old acquaintance. Divide numerator and
# denominator of (5) by $\exp a_{i1}$:
#
# $$r_{i2} = \frac{1}{1 + \exp(a_{i1} - a_{i2})} = \operatorname{sigmoid}(a_{i2} - a_{i1}), \qquad
# a_{i2} - a_{i1} = \underbrace{(m_2 - m_1)}_{w}\, x_i
# + \underbrace{\log \tfrac{\pi_2}{\pi_1} - \tfrac12 (m_2^2 + s_2^2 - m_1^2 - s_1^2)}_{b} .$$
#
# A logistic regression of the label on $x$, with the slope $w = m_2 - m_1$: the further to the
# side of component 2, the surer it is.
#
# > **Spot the error.** A notebook on logistic regression defines
# > `def predict(x): return 1 / (1 + np.exp(b + w * x))`, calls the result P(y = 1), and explains
# > the logit $b + wx$ as "$\log\, p(y{=}0) / p(y{=}1)$". Its decision boundary is right. What is
# > wrong?
# >
# > <details><summary>Answer</summary>
# >
# > `1 / (1 + exp(z))` is $\operatorname{sigmoid}(-z)$: the probability of the *other* class,
# > P(y = 0). And $z = b + wx$ is $\log\, p(y{=}1) / p(y{=}0)$; the comment turns it over. Both
# > classes have the probability ½ where $z = 0$, whichever way round, so a picture of the boundary
# > shows nothing. Test a sign where the answer is *not* symmetric: far on the side of class 1.
# > </details>

# %% tags=["demo", "covers: X25"]
two = cavi.gmm_responsibilities(
    np.array([-1.0, 1.5, 4.0]), np.array([0.0, 3.0]), np.array([0.2, 0.1]),
    np.log([0.5, 0.5])
)
w, b = 3.0, -0.5 * (9.0 + 0.1 - 0.2)
z = w * np.array([-1.0, 1.5, 4.0]) + b
print("r_i2            ", two[:, 1].round(4))
print("sigmoid(b + w x)", (1 / (1 + np.exp(-z))).round(4))
print("1/(1+exp(b+w x))", (1 / (1 + np.exp(z))).round(4))

# %% [markdown] tags=["covers: B31"]
# ### The factor of a component's mean
#
# Of the log joint, $\mu_k$ occurs in its prior and in the density of those observations whose label
# is $k$. Under $q(c)$ an observation has this label with probability $r_{ik}$:
#
# $$\log q(\mu_k) = -\frac{\mu_k^2}{2\sigma_0^2} - \frac12 \sum_i r_{ik} (x_i - \mu_k)^2
# + \text{const}
# = -\frac12 \Big(\frac{1}{\sigma_0^2} + \sum_i r_{ik}\Big) \mu_k^2 + \mu_k \sum_i r_{ik} x_i
# + \text{const} .$$
#
# A Gaussian again, and it is the normal mean of lesson 1 with observations that count $r_{ik}$
# each. With $N_k = \sum_i r_{ik}$, the expected number of observations,
#
# $$\boxed{\ s_k^2 = \frac{1}{1/\sigma_0^2 + N_k}, \qquad m_k = s_k^2 \sum_i r_{ik} x_i\ } \tag{6}$$
#
# A component that owns nothing, $N_k = 0$, returns to its prior: mean 0, variance $\sigma_0^2$. No
# division by zero, and it may catch observations again. (5) and (6) in turn are the whole
# algorithm.
#
# ### The ELBO of the mixture
#
# Five expectations, each of which you have seen in another dress:
#
# $$\begin{aligned}
# E[\log p(x \mid c, \mu)] &= -\tfrac12 \sum_{ik} r_{ik} \big[\log 2\pi + (x_i - m_k)^2 + s_k^2\big]
#   & \text{(the label picks the square)} \\
# E[\log p(\mu)] &= -\tfrac12 \sum_k \big[\log 2\pi\sigma_0^2 + (m_k^2 + s_k^2)/\sigma_0^2\big]
#   & E[\log p(c)] &= -N \log K \\
# H[q(\mu)] &= \tfrac12 \sum_k \log(2\pi e\, s_k^2)
#   & H[q(c)] &= -\sum_{ik} r_{ik} \log r_{ik}
# \end{aligned} \tag{7}$$
#
# with $0 \log 0 = 0$: a responsibility may underflow to exactly 0, and `0 * np.log(0)` is NaN.
#
# Here it is at work, from the poor start $m = (3, 4, 5)$. Move the slider. Each dot is an
# observation, coloured by its most responsible component.

# %% tags=["demo", "covers: B30 B31"]
movie = []
start = np.array([3.0, 4.0, 5.0])
for n in range(1, 31):
    (run,) = cavi.gmm_restarts(obs, 3, prior_sd, default_rng(0), 1, start,
                               max_iter=n, rel_tol=-np.inf)
    movie.append(run)
frames = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12)
shades = (plots.BLUE, plots.ORANGE, plots.GREEN)
span = np.linspace(-14, 9, 461)
few = np.arange(0, 1000, 4)
heights = default_rng(5).uniform(0.02, 0.1, 1000)
trace = movie[-1]["elbo"]


def draw_mixture(fig, n):
    top, low = fig.subplots(2, 1, height_ratios=(3, 2))
    run = movie[n - 1]
    top.hist(obs, bins=60, density=True, color=plots.BLACK, alpha=0.15)
    owner = run["resp"].argmax(axis=1)
    for k, color in enumerate(shades):
        own = few[owner[few] == k]
        top.plot(obs[own], -heights[own], ".", color=color, ms=4)
        pdf = np.exp(densities.normal(span, run["m"][k],
                                      np.sqrt(1 + run["s2"][k]))) / 3
        top.plot(span, pdf, color=color, ls=("-", "--", "-.")[k])
    top.set(xlim=(-14, 9), ylim=(-0.11, 0.21), yticks=[])
    low.plot(np.arange(1, n + 1), trace[:n], "o-", color=plots.BLUE, ms=4)
    low.set(xlim=(0, 13), ylim=(-13500, -1500), xlabel="sweep",
            ylabel="ELBO (nats)")
    low.text(12.8, -12800, f"{trace[n - 1]:.2f}", ha="right")


flipbook(
    draw_mixture, frames, label="sweep {}", figsize=(6.0, 5.0),
    alt="Top: three component densities over a histogram with three humps. "
        "They start close together on the right and move apart, until each "
        "stands on a hump of its own. Bottom: the ELBO, which rises steeply "
        "at first, then slowly, then stands still."
)

# %% tags=["demo", "covers: B30"]
for n in (1, 2, 3, 4, 6, 12, 30):
    print(f"sweep {n:2d}: m = {movie[n - 1]['m'].round(3)}, "
          f"ELBO {trace[n - 1]:.4f}")
fitted = cavi.sort_components(movie[-1])
print("sd of q(mu_k):", np.sqrt(fitted["s2"]).round(4),
      " averages by true component:", np.sort(true_means).round(3))

# %% [markdown] tags=["covers: X47 B32"]
# > **Spot the error.** The inner loop of a widely read page on this model, shortened:
# >
# > ```python
# > for i in range(n):
# >     for k in range(K):
# >         w[i, k] = math.exp(m[k] * x[i] - 0.5 * (m[k] ** 2 + s2[k]))
# >     w[i] /= w[i].sum()
# > for k in range(K):
# >     m[k] = (w[:, k] @ x) / (1 / sigma2 + w[:, k].sum())
# >     s2[k] = 1 / (1 / sigma2 + w[:, k].sum())
# > if np.abs(m - m_old).max() < 1e-3: break
# > ...
# > plt.plot(grid, norm(m[k], s2[k]).pdf(grid))     # q(mu_k)
# > ```
# >
# > The updates are right. Find four things that are not.
# >
# > <details><summary>Answer</summary>
# >
# > 1. `math.exp` without taking out the largest exponent: `OverflowError` as soon as
# >    $m_k x_i - \frac12 m_k^2$ exceeds 710, for instance at $x_i = m_k = 38$.
# > 2. It stops when the *means* move by less than 0.001. Coordinate ascent can rest on a
# >    plateau and then take off (section 8). Watch the ELBO.
# > 3. It computes no ELBO at all, so a wrong sign would go unnoticed, and runs from different
# >    starts could not be compared.
# > 4. SciPy's `norm` takes the standard deviation, not the variance: `norm(m[k], np.sqrt(s2[k]))`.
# >
# > (In the same text the factor rule lacks its exponential and normaliser, $q_j \propto E[\log p]$;
# > a lecture of the course subtracts the entropy. See the box in lesson 2.)
# > </details>

# %% [markdown] tags=["covers: B24 C17"]
# ### The same thing as EM?
#
# If you know the EM algorithm for mixtures, (5) and (6) look familiar. EM also computes
# responsibilities, then weighted averages. The difference is what counts as unknown.
#
# | method | EM | coordinate ascent |
# |---|---|---|
# | labels $c_i$ | a distribution $r_{ik}$ | a distribution $r_{ik}$ |
# | means $\mu_k$ | one best value each | a distribution $N(m_k, s_k^2)$ |
# | prior on $\mu_k$ | none (or a penalty) | yes, and it enters (6) |
# | climbs | the log likelihood $\log p(x \mid \mu)$ | the ELBO, below $\log p(x)$ |
# | an empty component | 0/0 | returns to its prior |
#
# In other words: EM is coordinate ascent with $q(\mu)$ restricted to a single point and $q(c)$ free
# (Bishop 2006, section 9.4). In VI $z$ stands for *everything* unknown, the parameters included.
#
# <details><summary><b>Concept 5:</b> which terms of (5) and (6) must go for the algorithm to become
# EM? When does it make no difference?</summary>
#
# $s_k^2$ in (5), since a point has no variance, and $1/\sigma_0^2$ in (6), since there is no prior.
# Both are of the size $1/N_k$ compared with what stands beside them. With hundreds of observations
# in each component the fitted means agree to three digits; with five they do not, and only one of
# the two reports how uncertain it is.
# </details>

# %% tags=["demo", "covers: B24"]
def em(x, m, steps=200):
    """Maximum likelihood of the component means, sd 1, equal weights."""
    for _ in range(steps):
        a = -0.5 * (x[:, None] - m) ** 2
        r = np.exp(a - a.max(axis=1, keepdims=True))
        r /= r.sum(axis=1, keepdims=True)
        m = (x @ r) / r.sum(axis=0)
    return m


for size, sd0 in ((1000, 10.0), (12, 3.0)):
    part = obs[:size]
    first = np.array([-10.0, 0.5, 5.0])
    q = cavi.cavi_gmm(part, 3, sd0, default_rng(0), 1, first)
    print(f"N = {size:4d}, prior sd {sd0:g}: EM {em(part, first).round(3)}, "
          f"q {q['m'].round(3)} ± {np.sqrt(q['s2']).round(3)}")

# %% [markdown] tags=["covers: B33"]
# ## 7 · Labels, and what the exact posterior looks like
#
# Exchange the names of two components, and the model stays what it was: prior and likelihood do not
# know an order. So if $(\mu_1, \mu_2, \mu_3)$ is plausible, so are all $3! = 6$ permutations, and
# the posterior has at least that many equal modes. This is **label switching**. It has consequences
# that surprise at first:
#
# - the exact posterior mean of $\mu_k$ is the same number for every $k$, and of no use;
# - so is the exact $P(c_i = k \mid x) = 1/K$ for every observation;
# - a mean-field $q$ cannot hold six modes: it settles near *one*, and which one depends on the
#   start.
#
# With ten observations all $2^{10}$ assignments can be visited, so the exact posterior is at hand.

# %% tags=["demo", "covers: B33"]
small_x = np.array([-2.6, -1.9, -1.7, -1.1, -0.6, 0.9, 1.3, 1.8, 2.2, 3.1])
exact_mix = oracles.SmallMixture(small_x, 2, 3.0)
small_q = cavi.cavi_gmm(small_x, 2, 3.0, default_rng(0), 5)
print(f"exact posterior means {exact_mix.mean.round(4)}, "
      f"sds {exact_mix.sd.round(4)}")
print(f"mean field      means {small_q['m'].round(4)}, "
      f"sds {np.sqrt(small_q['s2']).round(4)}")
gap = exact_mix.log_evidence - small_q["elbo"][-1]
print(f"log p(x) {exact_mix.log_evidence:.4f}, ELBO "
      f"{small_q['elbo'][-1]:.4f}, gap {gap:.4f}; log 2! = {np.log(2):.4f}")

fig, ax = plt.subplots(figsize=(6, 4.6))
plots.contours(ax, exact_mix.log_joint, (-5, 5), (-5, 5),
               mass=(0.5, 0.95), num=161, label="exact posterior")
plots.ellipse(ax, small_q["m"], np.diag(small_q["s2"]), label="q, 95 %")
ax.plot([-5, 5], [-5, 5], ":", color=plots.BLACK, lw=1)
ax.set(xlabel="μ₁", ylabel="μ₂", aspect="equal")
ax.legend(loc="lower left", fontsize=11)
plots.show(fig, alt="Contours of the exact posterior of two component means: "
           "two equal islands, mirror images of each other in the diagonal. "
           "The ellipse of q covers one of them and ignores the other.")

# %% [markdown]
# Missing all but one of $K!$ well separated, equal modes costs $\log K!$ nats: each mode has $1/K!$
# of the mass, and if $q$ is that mode alone, $\mathrm{KL}(q\,\Vert\,p) = \log K!$. What remains of
# the gap is the price of the factorisation within the mode. The first part is harmless: for
# everything that does not depend on the names, all modes say the same.
#
# So **compare fits by what does not depend on the names**: the ELBO; the means after sorting; the
# density of a new observation; or the probability that two observations share a component,
# $P(c_i = c_j \mid x)$, which under $q$ is $\sum_k r_{ik} r_{jk}$ for $i \ne j$.

# %% tags=["demo", "covers: B33"]
together = small_q["resp"] @ small_q["resp"].T
np.fill_diagonal(together, 1.0)
fig, axes = plt.subplots(1, 2, figsize=(6, 3.4))
for ax, table, title in zip(axes, (exact_mix.same_component, together),
                            ("exact", "mean field"), strict=True):
    image = ax.imshow(table, cmap="cividis", vmin=0, vmax=1)
    ax.set_title(title, fontsize=13)
    ax.set(xlabel="observation j", xticks=[0, 4, 9], yticks=[0, 4, 9],
           xticklabels=["1", "5", "10"], yticklabels=["1", "5", "10"])
axes[0].set_ylabel("observation i")
fig.colorbar(image, ax=axes, label="same component", shrink=0.7)
for i, j in ((0, 1), (0, 4), (4, 5), (0, 9)):
    print(f"observations {small_x[i]:4.1f} and {small_x[j]:4.1f} together: "
          f"exact {exact_mix.same_component[i, j]:.3f}, "
          f"mean field {together[i, j]:.3f}")
plots.show(fig, alt="Two tables of the probability that two of ten "
           "observations share a component, exact and by mean field. Both "
           "show two blocks, the first five and the last five observations; "
           "mean field is somewhat more decided about the pairs between.")

# %% [markdown]
# <details><summary><b>Concept 6:</b> two students fit the same data. One reports m = (−10.0,
# 0.6, 5.0), the other (5.0, −10.0, 0.6), and their `resp` differ everywhere. Who is right? How
# would you write the comparison in code?</summary>
#
# Both. Find the permutation that brings one `m` into the order of the other (for numbers, sort:
# `order = np.argsort(m)`), and apply it to `m`, `s2` *and* to the columns of `resp`. Sorting `m`
# alone makes a new, wrong distribution. Sorting is a habit for one dimension; in several
# dimensions one matches components by the smallest total distance.
# </details>
#
# ## 8 · Local optima and restarts
#
# Six of the optima are the same in six orders. But there are others, which are simply worse: two
# components share one hump, and the third has to cover the two that are left. No single factor can
# be improved, so coordinate ascent rests there. From 60 random starts, on our data and on 300
# others with six humps:

# %% tags=["demo", "covers: B32"]
def optima(runs):
    """The different optima of some runs, best first: (ELBO, runs, q)."""
    found = []
    for run in sorted(runs, key=lambda run: -run["elbo"][-1]):
        if not found or found[-1][0] - run["elbo"][-1] > 0.05:
            found.append([run["elbo"][-1], 0, cavi.sort_components(run)])
        found[-1][1] += 1
    return found


rng = default_rng(2)
humps = 6.0 * (np.arange(6) - 2.5) + rng.uniform(-1.5, 1.5, 6)
many = np.repeat(humps, 50) + default_rng(2).standard_normal(300)
of_three = optima(cavi.gmm_restarts(obs, 3, 10.0, default_rng(8), 60))
of_six = optima(cavi.gmm_restarts(many, 6, 20.0, default_rng(8), 60))
for K, found in ((3, of_three), (6, of_six)):
    print(f"K = {K}: {len(found)} different optima in 60 runs")
    for elbo, count, q in found[:5]:
        print(f"  ELBO {elbo:9.2f}, {count:2d} runs, {len(q['elbo']):3d} "
              f"sweeps, m = {q['m'].round(1)}")

# %% tags=["demo", "covers: B32"]
shown = [(obs, 3, each) for each in of_three[:2]]
for each in of_six:  # the best, then each that is clearly worse
    if len(shown) == 2 or shown[-1][2][0] - each[0] > 50:
        shown.append((many, 6, each))
fig, axes = plt.subplots(3, 2, figsize=(6, 6.4))
for ax, (values, K, (elbo, count, q)) in zip(axes.flat, shown, strict=False):
    at = np.linspace(values.min() - 1, values.max() + 1, 601)
    ax.hist(values, bins=60, density=True, color=plots.BLACK, alpha=0.2)
    for k in range(K):
        pdf = densities.normal(at, q["m"][k], np.sqrt(1 + q["s2"][k]))
        ax.plot(at, np.exp(pdf) / K, color=plots.CYCLE[k % 3], lw=1.6,
                ls=("-", "--", "-.")[k % 3])
    ax.set_title(f"ELBO {elbo:.0f}, {count} of 60", fontsize=12)
    ax.set(yticks=[], xlim=(at[0], at[-1]))
    ax.tick_params(labelsize=10)
plots.show(fig, alt="Gallery of local optima. Top: three components; on the "
           "left each stands on a hump, on the right two share the hump on "
           "the left and one stands between the two others. Below: six "
           "components on six humps, the best optimum and three poorer ones, "
           "in each of which some hump has two components and some "
           "component stands between two humps.")

# %% [markdown] tags=["covers: B32"]
# The best optimum is ahead of every other by more than a hundred nats: nobody who looks at the ELBO
# could take one for the other, and nobody who looks at one run could tell. What helps:
#
# - **Restart** from random places, and keep the run with the highest ELBO. If a run finds the best
#   optimum with probability $p$, then $R$ runs miss it with probability $(1-p)^R$.
# - **Start near data.** Drawn from the prior $N(0, 10^2)$, most means begin far from everything.
#   Drawn from the observations, or far apart from each other (as K-means++ does), $p$ is larger.
# - **Never start all means at the same value.** Equal components have equal responsibilities, so
#   they get equal updates: they stay equal for ever. It is a saddle point, and no sweep leaves it.
# - **Stop by the ELBO**, and be strict: relative changes of $10^{-10}$, not of $10^{-4}$.

# %% tags=["demo", "covers: B32"]
tiny = np.array([1e-6, 0.0, -1e-6]) + obs.mean()
(slow,) = cavi.gmm_restarts(obs, 3, prior_sd, default_rng(0), 1, tiny)
(stuck,) = cavi.gmm_restarts(obs, 3, prior_sd, default_rng(0), 1,
                             np.full(3, 1.0))
rise = np.diff(slow["elbo"]) / np.abs(slow["elbo"][1:])
early = int(np.argmax(rise < 1e-4)) + 2
fig, ax = plt.subplots(figsize=(6, 3.4))
plots.elbo_trace(ax, slow["elbo"], color=plots.BLUE,
                 label="means a millionth apart")
ax.axhline(stuck["elbo"][-1], color=plots.VERMILLION, ls="--",
           label="equal means")
ax.plot(early, slow["elbo"][early - 1], "o", color=plots.BLACK, ms=9)
ax.annotate("relative change\nbelow 0.0001",
            (early, slow["elbo"][early - 1]),
            (early + 1, slow["elbo"][early - 1] + 3000),
            arrowprops={"arrowstyle": "->"}, fontsize=11)
ax.legend(loc="center right")
ax.set_xlabel("sweep")
print(f"a rule of 1e-4 stops after sweep {early} at ELBO "
      f"{slow['elbo'][early - 1]:.1f}; the run ends after "
      f"{len(slow['elbo'])} sweeps at {slow['elbo'][-1]:.1f}")
print(f"from equal means: m = {stuck['m'].round(4)}, "
      f"ELBO {stuck['elbo'][-1]:.1f}")
plots.show(fig, alt="ELBO against the sweep for a start with nearly equal "
           "means: it stays on a plateau for several sweeps, then rises by "
           "thousands of nats. The run with exactly equal means never "
           "leaves the plateau.")

# %% [markdown]
# ### Exercise 3.5 · Coordinate ascent for a mixture, with restarts (6 points)
#
# Write `cavi_gmm`: `num_restarts` runs of coordinate ascent with (5) and (6), each until its ELBO
# (7) stands still (to about $10^{-10}$ of its size, at most a thousand sweeps or so). Return a dict
# with the **best** run, that with the highest ELBO:
#
# - `m` (K,) and `s2` (K,), means and variances of the $q(\mu_k)$, and `resp` (N, K), in any order
#   of the components, but in the same one in all three;
# - `elbo`, the trace of this run, at least one value after each sweep.
#
# If `init` (K,) is given, the first run starts from these component means, with all $s_k^2$ equal
# (then they do not matter). All other starts are yours to choose; draw them from `rng`. In a run
# update the responsibilities first. For them you may use `cavi.gmm_responsibilities` if your own
# are not ready.

# %% exercise="E3.5"
def cavi_gmm(x, K, prior_sd, rng, num_restarts, init=None):
    """Best of several runs of coordinate ascent for a mixture.

    x: (N,) data; components with variance 1 and weight 1/K.
    K: number of components, at most N; prior_sd: prior sd of their means.
    rng: np.random.Generator for the starts; num_restarts: number of runs.
    init: None, or component means (K,) from which the first run starts.
    Returns a dict: m (K,), s2 (K,), resp (N, K), elbo (trace, nats).
    """
    ### BEGIN SOLUTION
    def elbo(m, s2, resp):
        log_2pi = np.log(2 * np.pi)
        squares = (x[:, None] - m) ** 2 + s2
        log_lik = -0.5 * np.sum(resp * (log_2pi + squares))
        log_prior = -0.5 * np.sum(np.log(2 * np.pi * prior_sd**2)
                                  + (m**2 + s2) / prior_sd**2)
        log_prior -= len(x) * np.log(K)
        entropy = 0.5 * np.sum(1 + log_2pi + np.log(s2))
        entropy -= np.sum(resp * np.log(np.where(resp > 0, resp, 1)))
        return log_lik + log_prior + entropy

    def run(m):
        s2, trace = np.ones(K), []
        for _ in range(1000):
            resp = cavi.gmm_responsibilities(x, m, s2, -np.log(K))
            s2 = 1 / (1 / prior_sd**2 + np.sum(resp, axis=0))
            m = s2 * (x @ resp)
            trace.append(elbo(m, s2, resp))
            if len(trace) > 1 and (
                trace[-1] - trace[-2] < 1e-10 * abs(trace[-1])
            ):
                break
        return {"m": m, "s2": s2, "resp": resp, "elbo": np.array(trace)}

    runs = []
    for number in range(num_restarts):
        near = rng.choice(x, K, replace=False) + rng.standard_normal(K)
        first = init is not None and number == 0
        runs.append(run(np.array(init if first else near, dtype=float)))
    return max(runs, key=lambda result: result["elbo"][-1])
    ### END SOLUTION

# %% check="E3.5" seed=3501

# %% [markdown] tags=["covers: B33"]
# ### Three species of iris
#
# A measured example. The petals of 150 irises of three species were measured in 1936; we take their
# lengths and hide the species. The model wants components of variance 1, so measure in units of
# 0.45 cm, about the spread within a species, from the overall mean. Does the mixture find the
# species?

# %% tags=["demo", "covers: B33"]
iris = datasets.load("iris")
length, species = iris["X"][:, 2], iris["y"].astype(int)
unit = 0.45
scaled = (length - length.mean()) / unit
best = cavi.sort_components(
    cavi.cavi_gmm(scaled, 3, 10.0, default_rng(1), 20)
)
owner = best["resp"].argmax(axis=1)
print("rows: setosa, versicolor, virginica; columns: components in order")
print(np.array([[np.sum((species == s) & (owner == k)) for k in range(3)]
                for s in range(3)]))
for k in range(3):
    centre = length.mean() + unit * best["m"][k]
    inside = length[species == k]
    print(f"component {k + 1}: {centre:.3f} ± {unit * best['s2'][k]**0.5:.3f}"
          f" cm; average of the species {inside.mean():.3f} cm")
unsure = np.sum(best["resp"].max(axis=1) < 0.9)
print(f"{unsure} of 150 flowers have no component above 0.9")

# %% tags=["demo"]
fig, ax = plt.subplots(figsize=(6, 3.8))
bins = np.linspace(0.9, 7.1, 32)
ax.hist([length[species == s] for s in range(3)], bins=bins, stacked=True,
        color=shades, label=("setosa", "versicolor", "virginica"), alpha=0.7)
cm = np.linspace(0.5, 7.5, 400)
for k in range(3):
    pdf = np.exp(densities.normal((cm - length.mean()) / unit, best["m"][k],
                                  np.sqrt(1 + best["s2"][k]))) / unit
    ax.plot(cm, 150 * pdf / 3 * (bins[1] - bins[0]), color=plots.BLACK,
            ls=("-", "--", "-.")[k], lw=1.8)
ax.set(xlabel="petal length, cm", ylabel="flowers")
ax.legend(loc="upper right", fontsize=11)
plots.show(fig, alt="Stacked histogram of petal lengths by species, and three "
           "fitted components of equal width. Setosa stands apart, narrower "
           "than its component; versicolor and virginica overlap, and their "
           "components meet near 5 cm.")

# %% [markdown]
# Setosa is found without a mistake, though its spread is less than half of what the model insists
# on; a model with unknown variances would fit better. The other two overlap, and the flowers on the
# border are the ones whose responsibilities are divided. Two warnings go with it: the error bars
# are of the *mean* of a component and far too small if the model is wrong; and the components are
# clusters of numbers. That they nearly coincide with species is a fact about irises.
#
# ## 9 · Where this breaks
#
# **Overlap.** With 2 sds between two components the islands of the posterior run into each other,
# and a factorised $q$ on one of them is too sure. In the table the exact mean and sd are those of
# the *larger* of the two means, so that labels play no role.

# %% tags=["demo"]
print("distance   exact: mean, sd      mean field: mean, sd    gap - log 2")
for distance in (6.0, 4.0, 3.0, 2.0, 1.0):
    base = np.array([-0.9, -0.5, -0.2, 0.1, 0.4, 1.1])
    both = np.concatenate([base - distance / 2, base + distance / 2])
    mix = oracles.SmallMixture(both, 2, 3.0)
    spot = np.linspace(-7, 7, 281)
    grid = np.stack(np.meshgrid(spot, spot), axis=-1).reshape(-1, 2)
    weight = np.exp(mix.log_joint(grid) - mix.log_evidence)
    weight /= weight.sum()
    larger = grid.max(axis=1)
    mean = weight @ larger
    sd = np.sqrt(weight @ (larger - mean) ** 2)
    q = cavi.sort_components(cavi.cavi_gmm(both, 2, 3.0, default_rng(0), 10))
    gap = mix.log_evidence - q["elbo"][-1] - np.log(2)
    print(f"{distance:8.1f} {mean:10.3f}, {sd:.3f} {q['m'][1]:18.3f}, "
          f"{q['s2'][1]**0.5:.3f} {gap:14.3f}")

# %% [markdown]
# As the components approach, mean field's sd does not move, while the exact one grows, and so does
# the gap beyond $\log 2$. At a distance of 1 $q$ puts both means in the middle: now it sits on the
# diagonal, where both labellings are the same, so the $\log 2$ is not lost, and it claims
# that there is only one component.
#
# **The wrong K.** Nothing in the fit says that $K = 3$ was right. The ELBO of different $K$ may be
# compared, with caution: its gap contains $\log K!$ and more. A component too many is not always
# emptied in this model, since all weights are held at $1/K$.
#
# **Fixed variances.** A hump that is wider than 1 attracts several components; one that is narrower
# makes its component share in what lies around it.
#
# **Correlated covariates** make regression doubly bad: slow sweeps and narrow factors. Both have
# the same cure, other coordinates, or one factor for the whole block of coefficients, which here is
# the exact answer.

# %% [markdown] tags=["covers: A02"]
# ## 10 · Bonus, ungraded: MacKay's magnet
#
# The classical first example of variational inference with a hand-made $q$ is from physics (MacKay
# 2003, chapter 33). A magnet consists of $n$ spins $z_i = \pm 1$, neighbours like to point the same
# way, and
#
# $$p(z) = \frac1Z \exp\Big(\tfrac12 \sum_{ij} J_{ij} z_i z_j + \sum_i h_i z_i\Big) .$$
#
# $Z$ is a sum over $2^n$ states, unknown like an evidence. Take $q(z) = \prod_i q_i(z_i)$, each
# factor given by its mean $m_i = q_i(1) - q_i(-1)$. The factor rule:
#
# $$\log q_i(z_i) = z_i \Big(\sum_j J_{ij} m_j + h_i\Big) + \text{const}
# \quad\Rightarrow\quad
# m_i = \frac{e^{a_i} - e^{-a_i}}{e^{a_i} + e^{-a_i}} = \tanh\Big(\sum_j J_{ij} m_j + h_i\Big),$$
#
# with $a_i$ the bracket. Each spin feels the *mean field* of its neighbours: hence the name of the
# method. For two spins everything can be checked by counting four states.

# %% tags=["demo", "covers: A02"]
h = np.array([0.1, 0.1])
print("coupling  exact mean  mean field   log Z     ELBO")
for coupling in (0.2, 0.6, 1.0, 1.5, 2.0):
    J = np.array([[0.0, coupling], [coupling, 0.0]])
    exact_spins = oracles.Ising(J, h)
    q = cavi.cavi_ising(J, h)
    print(f"{coupling:8.1f} {exact_spins.mean[0]:11.4f} {q['m'][0]:11.4f} "
          f"{exact_spins.log_evidence:9.4f} {q['elbo'][-1]:8.4f}")

# %% tags=["demo", "covers: A02"]
shape = (24, 48)
rows_, cols_ = np.mgrid[: shape[0], : shape[1]]
ring = np.hypot(rows_ - 11.5, (cols_ - 14) * 0.9)
clean = np.where((ring < 9) & (ring > 4) | (cols_ > 30) & (cols_ < 36), 1, -1)
flips = default_rng(33).random(shape) < 0.2
noisy = np.where(flips, -clean, clean)
J = cavi.grid_couplings(*shape, 0.45)
spins = cavi.cavi_ising(J, cavi.noisy_image_field(noisy, 0.2))
restored = spins["m"].reshape(shape)
fig, axes = plt.subplots(3, 1, figsize=(6, 6.6))
for ax, image, title in zip(
    axes, (clean, noisy, restored),
    ("clean", "20 % of the pixels turned over", "mean of q"), strict=True
):
    ax.imshow(image, cmap="cividis", vmin=-1, vmax=1)
    ax.set_title(title, fontsize=12)
    ax.axis("off")
wrong_before = np.mean(noisy != clean)
wrong_after = np.mean(np.sign(restored) != clean)
print(f"wrong pixels: {wrong_before:.1%} before, {wrong_after:.1%} after "
      f"{len(spins['elbo'])} sweeps; ELBO {spins['elbo'][-1]:.2f}")
plots.show(fig, alt="Three small pictures of a ring and a bar: the clean one, "
           "one with a fifth of the pixels turned over, and the means of q, "
           "which show ring and bar again with only a few wrong pixels at "
           "the edges.")

# %% [markdown]
# With two weakly coupled spins mean field is excellent. From a coupling of about 1 on it breaks the
# symmetry: the spins lock into one direction, and the mean runs to 1 while the exact one is held
# back by the other mode. It is label switching's elder brother, and for the same reason: of two
# almost equal modes $q$ takes one.
#
# ## Summary
#
# - The posterior of a Bayesian regression is $N(m, \text{prec} = A)$ with $A = T + \gamma X^\top X$
#   and $Am = \gamma X^\top y$; its evidence follows from Bayes' rule at $m$.
# - Coordinate ascent finds the exact means, slowly if covariates are correlated, and the precisions
#   $A_{jj}$: too narrow for each coefficient, while sums may err in both directions.
# - Ask for the quantity you report, and change coordinates before you change methods. A posterior,
#   exact or not, does not know that two places carry a slope.
# - In a mixture the responsibilities are Bayes' rule with $(x - m)^2 + s^2$; take the largest
#   exponent of each row out. The means are averages weighed by responsibilities and a prior.
# - $K!$ equal modes: compare only what does not depend on names. Poorer local optima: restart,
#   start near the data, stop by the ELBO, keep the best.
# - EM is the same with point estimates for the means.
#
# ## Open question (5 points)
#
# **What do the two slopes mean?** A colleague reads section 4 and wants to write: "In group B,
# ruggedness raises income; the posterior probability is above 99.9 %." Explain to them, in about
# ten sentences, (a) what the posterior probability is conditional on, and what the two places on
# the right have to do with it; (b) whether the choice between exact and mean-field inference matters
# for this sentence, with numbers from this notebook; (c) what you would change in the model or in
# the report, and why a slope is no effect of terrain on income even then.

# %% [markdown] open="O3" points=5
# <!-- BEGIN SOLUTION -->
# (a) The probability holds given the model: Gaussian noise with a known sd of 0.8, one straight
# line for all of group B, and a prior centred at 0 (1 point). The slope of B is 0.42 ± 0.12 with
# all places and about 0 ± 0.30 without the two at $x > 4$; those two have long levers, since the
# square in the exponent gives a distant point much weight. The statement is about two places (1 point).
#
# (b) The exact sd of the slope is 0.120, the mean-field sd 0.105: both put 0 more than three sds
# away, so for this sentence it hardly matters. That is luck: two errors cancel in the sum. For the
# coefficients themselves the mean-field sds are about half the exact ones, and without the two
# places the mean-field sd of the slope is only six tenths of the exact one. The larger problem is
# the model and not the approximation (1 point for a comparison with numbers; full marks also for the
# interaction, $\beta_3$).
#
# (c) Report both fits; use noise with heavier tails or an unknown noise sd, or another scale for
# $x$, so that two places cannot decide; check predictions for held-out places (1 point for a
# change with its reason). Even a well-determined slope is an association: places differ in much
# else that goes with terrain (coast, crops, history), and group membership is not assigned by lot.
# "Raises" claims what would happen if terrain were changed; the regression only says where incomes
# are found (1 point).
# <!-- END SOLUTION -->

# %% [markdown] tags=["covers: F14"]
# ## References
#
# - C. Bishop, *Pattern Recognition and Machine Learning*, 2006: the posterior of a regression, eqs.
#   (3.53), (3.54); its evidence, eq. (3.86); the factor rule, eq. (10.9), and a Gaussian target,
#   eqs. (10.12)-(10.15); EM as coordinate ascent, section 9.4; a mixture with unknown weights and
#   covariances, section 10.2.
# - D. Blei, A. Kucukelbir, J. McAuliffe, *Variational Inference: A Review for Statisticians*, JASA
#   112, 2017: the mixture of this lesson, section 2.1, and its coordinate ascent, section 3;
#   practical advice, section 2.5.
# - D. Blei, *Variational Inference*, lecture notes, Princeton, 2011: the same mixture, step by
#   step.
# - M. Jordan, Z. Ghahramani, T. Jaakkola, L. Saul, *An Introduction to Variational Methods for
#   Graphical Models*, Machine Learning 37, 1999: mean field as a general method.
# - D. MacKay, *Information Theory, Inference, and Learning Algorithms*, 2003: spins and their mean
#   field, chapter 33.
# - N. Nunn, D. Puga, *Ruggedness: The Blessing of Bad Geography in Africa*, Review of Economics and
#   Statistics 94, 2012: the study whose form our data imitate.
# - R. Fisher, *The Use of Multiple Measurements in Taxonomic Problems*, Annals of Eugenics 7, 1936:
#   the irises.
