# %% [markdown]
# # 8 · Full rank, and the price of mean field
#
# Mean field (lessons 2 and 7) has one number per unknown for its width and none for how the
# unknowns hang together. A Gaussian with a *full* covariance matrix has them all. This lesson
# builds it: how to write a covariance in free numbers, how to draw, how to differentiate. Then it
# asks what the correlations are worth, what they cost, and what to do when they cost too much. At
# the end two relatives are compared with it: Laplace's approximation, which is older, and linear
# response, which gets covariances out of a mean-field fit.
#
# **You will be able to**
#
# - write any covariance matrix as free numbers by its Cholesky factor, and say what each entry
#   means;
# - derive the ELBO of a full-rank Gaussian and its gradients, and fit it;
# - compute the KL divergence of two Gaussians in any dimension without overflow;
# - say for which questions mean field is too narrow, for which too wide, and when it does not
#   matter;
# - choose between mean field, full rank, linear response and Laplace, with reasons.
#
# **Before you start:** mean field on a correlated Gaussian (lesson 2), pathwise gradients
# (lesson 6), ADVI (lesson 7); matrix inverse, determinant, eigenvalues.
#
# **Time** about 150 minutes · **Points** 20 for four exercises, 5 for the open question.
#
# | exercise | you write | about | difficulty | points |
# |---|---|---|---|---|
# | E8.1 | a triangle of free numbers, there and back | 20 min | ●●○ | 4 |
# | E8.2 | the full-rank ELBO | 15 min | ●●○ | 5 |
# | E8.3 | its gradients | 25 min | ●●● | 6 |
# | E8.4 | the KL divergence of two Gaussians | 20 min | ●●○ | 5 |
#
# An exercise is one function or two: replace `raise NotImplementedError` by your code, run the
# cell, then run the check below it. The check says which part is right and, where it can, which
# mistake was made. Everything else in this notebook runs without your answers.

# %%
import autograd.numpy as np
import matplotlib.pyplot as plt
from autograd import grad, hessian
from scipy import optimize, special

from autograder.checks import check
from vi_lib import datasets, densities, divergences, full_rank, oracles
from vi_lib import optimizers, plots
from vi_lib.dadvi import dadvi
from vi_lib.families import FullRank, LowRank, MeanField
from vi_lib.flipbook import flipbook

plots.use_style()
np.set_printoptions(precision=4, suppress=True)
default_rng = np.random.default_rng

# %% [markdown]
# | symbol | in code | meaning |
# |---|---|---|
# | $\zeta$ | `zeta` (S, D) | what is unknown, on the whole real line: S draws, one per row |
# | $q(\zeta) = N(\mu, \text{cov} = LL^\top)$ | | the full-rank family |
# | $\mu$ | `mu` (D,) | its mean |
# | $L$ | `L` (D, D) | its Cholesky factor: lower triangular, positive diagonal |
# | $\varepsilon$ | `eps` (S, D) | standard normal noise; $\zeta = \mu + L\varepsilon$ |
# | | `vec` (D(D+1)/2,) | the entries of $L$ as free numbers, the diagonal as logarithms |
# | $\Sigma$, $\Lambda = \Sigma^{-1}$ | `cov`, `prec` (D, D) | covariance and precision matrix of a target |
# | $\rho$ | `corr` | a correlation |
# | $H[q]$ | `entropy` | the entropy of $q$, in nats |
# | $\mathcal L(\lambda)$ | `elbo` | $E_q[\log p(x, \zeta)] + H[q]$; we maximise it |
# | $g_\mu$, $g_L$ | `g_mu` (D,), `g_L` (D, D) | gradients of the ELBO in $\mu$ and in $L$ |
#
# The script letter $\mathcal L$ is the bound and the plain $L$ a matrix. Both names are customary;
# they never stand in the same place.

# %% [markdown] tags=["covers: A11 B20 B21 B22"]
# ## 1 · What mean field cannot hold
#
# A posterior over two unknowns, Gaussian, sds 1, correlation $\rho$. **Before you move the
# slider:** what happens to the best factorised $q$ as $\rho$ grows, and what to the best Gaussian
# that may lean?

# %% tags=["demo", "covers: A11 B20 B21 B22"]
def leaning(corr):
    """The Gaussian with sds 1 and this correlation."""
    cov = np.array([[1.0, corr], [corr, 1.0]])
    return oracles.CorrelatedGaussian(np.zeros(2), cov)


def both_fits(fig, corr):
    p = leaning(corr)
    _, sd, kl = p.mean_field()
    ax = fig.subplots()
    plots.contours(ax, p.log_joint, (-3.2, 3.2), (-3.2, 3.2), num=101,
                   mass=(0.5, 0.95), label="p")
    for mass in (0.5, 0.95):
        plots.ellipse(ax, p.mean, p.cov, mass=mass, color=plots.BLUE,
                      linestyle="--",
                      label="full rank" if mass < 0.9 else None)
        plots.ellipse(ax, p.mean, np.diag(sd**2), mass=mass,
                      label="mean field" if mass < 0.9 else None)
    ax.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), aspect="equal",
           xlabel="ζ₁", ylabel="ζ₂")
    ax.set_title(f"mean field: sd {sd[0]:.2f}, KL {kl:.2f}", fontsize=12)
    ax.legend(loc="upper left", fontsize=11)


correlations = (-0.95, -0.8, -0.5, 0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
for corr in (0.5, 0.8, 0.99):
    _, sd, kl = leaning(corr).mean_field()
    print(f"ρ = {corr:.2f}: mean field has sd {sd[0]:.4f} and KL {kl:.4f}, "
          f"full rank sd 1 and KL 0")
flipbook(
    both_fits, correlations, label="ρ = {:.2f}", figsize=(4.8, 4.9), start=7,
    alt="Contours of a Gaussian with correlation rho, a mean-field and a "
        "full-rank approximation. Full rank lies on the contours whatever "
        "rho is. The mean-field ellipse is round and shrinks as the "
        "correlation grows, to a dot at 0.99."
)

# %% [markdown] tags=["covers: A11 B20 B21 B22 B23 A15"]
# Full rank can be exact here, since the posterior is in the family. Mean field has
# $\text{sd} = \sqrt{1 - \rho^2}$ and stays $-\frac12\log(1 - \rho^2)$ nats away: 0.6 and 0.5108 at
# $\rho = 0.8$ (lesson 2, section 3).
#
# A course page on ADVI runs just this demonstration. Its 1000 draws from the target have sds 1.0213
# and 1.0081; a mean-field fit ends at a loss of 0.51667, and "the correlation is lost"; a full-rank
# fit ends at 0.0155 and 0.0152, and "restores it". The two fits took 41 and 59 seconds for 40,000
# steps. We shall get to each of these numbers. And a blogger who builds mean-field ADVI from
# scratch closes with the remark that full rank "would be a nice extension". Here it is.
#
# <details><summary><b>Concept 1:</b> could mean field be exact on this posterior, in other
# coordinates?</summary>
#
# Yes. At $\rho = 0.8$, $\zeta_1$ and $\zeta_2 - 0.8\,\zeta_1$ are uncorrelated, and for jointly
# Gaussian variables that means independent, so mean field is enough for *those* two. What mean
# field can hold depends on the coordinates; a full-rank family does not care about them, as long as
# the change is linear.
# </details>

# %% [markdown] tags=["covers: A15"]
# ## 2 · A covariance matrix in free numbers
#
# The family is $q(\zeta) = N(\mu, \text{cov} = \Sigma_q)$. The mean may be any vector. But
# $\Sigma_q$ must be symmetric and *positive definite*: $a^\top \Sigma_q\, a > 0$ for every $a \ne
# 0$, because that is the variance of $a^\top\zeta$. A gradient step knows nothing of it. With
# $\Sigma_{11} = 1$, the valid pairs $(\Sigma_{12}, \Sigma_{22})$ are those with $\Sigma_{22} >
# \Sigma_{12}^2$, inside a parabola; the best covariances, those of strongly correlated posteriors,
# lie near its edge.

# %% tags=["demo", "covers: A15"]
start, step = np.array([0.2, 0.8]), np.array([0.9, 0.1])
c = np.linspace(-1.5, 1.5, 201)
fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.9))
left.fill_between(c, c**2, 2.4, color=plots.BLUE, alpha=0.2)
left.plot(c, c**2, color=plots.BLUE)
left.text(-0.62, 1.95, "covariances")
left.set(xlim=(-1.5, 1.5), ylim=(0, 2.4), xlabel="Σ₁₂", ylabel="Σ₂₂",
         title="a step in Σ")
left.annotate("", start + step, start, arrowprops={
    "arrowstyle": "-|>", "lw": 2, "color": plots.VERMILLION})
left.text(1.0, 0.55, "no!", color=plots.VERMILLION)
free = np.array([start[0], 0.5 * np.log(start[1] - start[0] ** 2)])
ends = free + np.array([0.9, -0.4])
path = free + np.linspace(0, 1, 50)[:, None] * (ends - free)
right.annotate("", ends, free, arrowprops={
    "arrowstyle": "-|>", "lw": 2, "color": plots.GREEN})
left.plot(path[:, 0], path[:, 0] ** 2 + np.exp(2 * path[:, 1]),
          color=plots.GREEN, lw=2)
right.set_facecolor("#d6e6f2")
right.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.0), xlabel="L₂₁",
          ylabel="log L₂₂", title="a step in (L₂₁, log L₂₂)")
right.text(-1.35, 0.6, "every point is\na covariance")
moved = np.array([[1.0, 1.1], [1.1, 0.9]])
print("after the step in Σ the eigenvalues are", np.linalg.eigvalsh(moved))
L = np.array([[1.0, 0.0], [ends[0], np.exp(ends[1])]])
print("after the step in L they are           ",
      np.linalg.eigvalsh(L @ L.T))
plots.show(fig, alt="Left: covariance matrices lie inside a parabola in the "
           "plane of Sigma 12 and Sigma 22. A straight orange step leaves "
           "it; a curved green path stays inside. Right: the same green path "
           "is a straight step in the plane of L 21 and log L 22, where "
           "every point is allowed.")

# %% [markdown] tags=["covers: A15 D28"]
# ### Cholesky's factor
#
# **Every positive definite Σ is $LL^\top$ for exactly one lower triangular $L$ with a positive
# diagonal.** The proof is an algorithm. Split off the first coordinate,
#
# $$\Sigma = \begin{pmatrix} a & b^\top \\ b & C \end{pmatrix}, \qquad
# L = \begin{pmatrix} \ell & 0 \\ v & L' \end{pmatrix}, \qquad
# LL^\top = \begin{pmatrix} \ell^2 & \ell v^\top \\ \ell v & v v^\top + L'L'^\top \end{pmatrix} .$$
#
# Compare the blocks. $\ell^2 = a$ with $\ell > 0$ forces $\ell = \sqrt a$, where $a > 0$ is a
# variance. $\ell v = b$ forces $v = b/\sqrt a$. What is left is a smaller problem of the same kind,
#
# $$L' L'^\top = C - \frac{b\, b^\top}{a} ,$$
#
# and its right-hand side is again positive definite, because it is the covariance of the other
# coordinates *given* the first. Nothing was chosen on the way; so $L$ exists and is the only one. ∎
#
# For $D = 2$ with sds 1, $\ L = \begin{pmatrix} 1 & 0 \\ \rho & \sqrt{1 - \rho^2} \end{pmatrix}$.
#
# The proof also says what the entries mean: **$L_{ii}$ is the sd of coordinate $i$ given those
# before it**, a positive number, and the entries to its left say how it follows them, any
# numbers. So take $\log L_{ii}$ and $L_{ij}$, $i > j$, as parameters, and nothing is constrained
# any more. There are $1 + 2 + \dots + D = D(D+1)/2$ of them, as many as a symmetric matrix has.
#
# And drawing is easy. With $\varepsilon \sim N(0, I)$ and
#
# $$\boxed{\ \zeta = \mu + L\varepsilon\ } \tag{1}$$
#
# $E[\zeta] = \mu$ and $E[(\zeta - \mu)(\zeta - \mu)^\top] = L\,E[\varepsilon\varepsilon^\top]
# L^\top = LL^\top$. In code draws are rows, so (1) is `mu + eps @ L.T`.
#
# <details><summary><b>Concept 2:</b> the last diagonal entry of L at ρ = 0.8 is 0.6, the sd of mean
# field. An accident?</summary>
#
# No. $L_{DD}$ is the sd of the last coordinate given *all* others, $\Lambda_{DD}^{-1/2}$, and that
# is what mean field takes for every coordinate. Reorder the unknowns, and another one comes last.
# </details>

# %% [markdown] tags=["covers: D28 X12 X15"]
# > **Spot the error.** A lecture's table of transformations has the row: "Gaussian(μ, RRᵀ):
# > density $|2\pi RR^\top|^{-1/2}\exp(-\frac12(x-\mu)^\top(RR^\top)^{-1}(x-\mu))$, base
# > $e \sim N(0, 1)$, transformation $\mu + Re$." What is wrong, and what is left open?

# %% tags=["demo", "covers: D28 X12"]
cov = leaning(0.8).cov
lower = np.linalg.cholesky(cov)
values, vectors = np.linalg.eigh(cov)
symmetric = vectors @ np.diag(np.sqrt(values)) @ vectors.T
turn = np.array([[0.6, -0.8], [0.8, 0.6]])
e = default_rng(28).standard_normal((100_000, 2))
for name, R in (("triangular", lower), ("symmetric", symmetric),
                ("L times a rotation", lower @ turn)):
    equal = np.allclose(R @ R.T, cov, rtol=1e-12)
    seen = np.cov((e @ R.T).T)[0, 1]
    print(f"{name:19s} R = {R[0]} {R[1]}, RRᵀ = Σ: {equal}, "
          f"covariance of draws {seen:.3f}")
one = e[:, :1] @ np.ones((1, 2))
print("a single e for both coordinates: correlation of R e",
      f"{np.corrcoef((one @ lower.T).T)[0, 1]:.4f}")

# %% [markdown] tags=["covers: D28 X12 X15"]
# > <details><summary>Answer</summary>
# >
# > $e$ must be a *vector*, $e \sim N(0, I)$. With one number for all coordinates the draws lie on a
# > line. (Whether the second argument is an sd or a variance does not matter for 1; elsewhere in
# > that table it does. Say `sd`, `var` or `cov`.) Left open is which $R$: all three above give the
# > same distribution, and so does $RQ$ for any rotation $Q$. A program that makes all $D^2$ entries
# > of $R$ its parameters learns $D(D-1)/2$ numbers that change nothing. The triangle is the choice
# > without idle numbers, and its determinant is the product of the diagonal.
# > </details>

# %% [markdown] tags=["covers: A15"]
# ### Exercise 8.1 · A triangle of free numbers (4 points)
#
# Write `unpack_tril(vec, D)`, which makes $L$ of free numbers, and its inverse `pack_tril(L)`. The
# diagonal of $L$ is the *exponential* of its entries in `vec`, what is below is there as it is, and
# above are zeros. In which order `vec` holds them is up to you, as long as both functions agree
# (by rows, say: $\log L_{11},\ L_{21},\ \log L_{22},\ L_{31}, \dots$). Numbers may be whole, and as
# large as 2000 below the diagonal.
#
# `unpack_tril` will stand inside a function that autograd differentiates (`np` here is
# `autograd.numpy`). Autograd cannot follow an assignment such as `L[i, j] = vec[k]`; *reading* it
# can follow, also with an array of indices: with `place` a (D, D) array of whole numbers,
# `vec[place]` is a (D, D) array of entries of `vec`.

# %% exercise="E8.1"
def unpack_tril(vec, D):
    """Return the lower triangular matrix with these free numbers.

    vec: (D (D + 1) / 2,), any numbers; D: number of rows.
    Returns L (D, D) with L_ii = exp(its entry) > 0, and zeros above.
    Differentiable by autograd.
    """
    ### BEGIN SOLUTION
    rows, columns = np.tril_indices(D)
    place = np.zeros((D, D), dtype=int)
    place[rows, columns] = np.arange(len(rows))
    below = np.where(np.tri(D, k=-1) > 0, vec[place], 0.0)
    return below + np.diag(np.exp(vec[np.diag(place)]))
    ### END SOLUTION


def pack_tril(L):
    """Return the free numbers of a lower triangular matrix.

    L: (D, D), lower triangular with a positive diagonal.
    Returns vec (D (D + 1) / 2,) with unpack_tril(vec, D) = L.
    """
    ### BEGIN SOLUTION
    logs = np.tril(L, -1) + np.diag(np.log(np.diag(L)))
    return logs[np.tril_indices(len(L))]
    ### END SOLUTION

# %% check="E8.1" seed=8101

# %% [markdown] tags=["covers: A15 A11"]
# ## 3 · The full-rank ELBO
#
# As in lesson 7, $\mathcal L = E_q[\log p(x, \zeta)] + H[q]$, where $\log p(x, \zeta)$ is the log
# joint on the unconstrained scale, log Jacobian included. The first term is an average over draws
# (1). The second can be had exactly. The map $\varepsilon \mapsto \mu + L\varepsilon$ stretches
# every volume by $|\det L|$, so densities are divided by it,
#
# $$\log q(\zeta) = \log N(\varepsilon;\ 0, I) - \log|\det L|, \qquad
# \varepsilon = L^{-1}(\zeta - \mu) ,$$
#
# and a triangular determinant is the product of the diagonal, $\log|\det L| = \sum_i \log L_{ii}$.
# Average $-\log q$ under $q$. For the noise, $-E[\log N(\varepsilon; 0, I)] = \frac D2 \log 2\pi +
# \frac12 E[\varepsilon^\top\varepsilon] = \frac D2\log 2\pi + \frac D2$. Together
#
# $$\boxed{\ H[q] = \sum_{i=1}^D \log L_{ii} + \frac D2 \log 2\pi e\ } \qquad
# \mathcal L \approx \frac1M \sum_{m=1}^M \log p(x, \mu + L\varepsilon_m) + H[q] . \tag{2}$$
#
# With a diagonal $L$ this is mean field. Of the $D(D+1)/2$ numbers in $L$ the entropy sees $D$
# only: entries below the diagonal cost nothing in entropy. They shear the cloud of draws and leave
# its volume as it is.
#
# ### Exercise 8.2 · The full-rank ELBO (5 points)
#
# Return (2), with all constants, for the noise that is given. (With $-\log q$ averaged over the
# draws in place of the exact entropy it would be noisier, and is accepted as well.)

# %% exercise="E8.2"
def full_rank_elbo(log_joint, mu, L, eps):
    """Estimate the ELBO of q = N(mu, cov = L L') from given noise, in nats.

    log_joint: log p(x, zeta), (S, D) -> (S,).
    mu: (D,); L: (D, D), lower triangular with a positive diagonal.
    eps: (S, D), standard normal. Returns one number.
    """
    ### BEGIN SOLUTION
    zeta = mu + eps @ L.T
    entropy = 0.5 * len(mu) * np.log(2 * np.pi * np.e)
    return np.mean(log_joint(zeta)) + entropy + np.sum(np.log(np.diag(L)))
    ### END SOLUTION

# %% check="E8.2" seed=8201

# %% [markdown] tags=["covers: A11 B21 B22"]
# ### Noise that makes no noise
#
# If $\log p$ is quadratic, its average over draws depends on $\varepsilon_1, \dots, \varepsilon_M$
# through two things only: their mean and their second moment,
# $\frac1M\sum_m \varepsilon_m\varepsilon_m^\top$. If these are exactly 0 and $I$, the estimate (2)
# is exact. The $2D$ points $\pm\sqrt D\,e_i$ along the axes do it: four points for $D = 2$.

# %% tags=["demo", "covers: A11 B21 B22"]
tilted = leaning(0.8)
_, mf_sd, _ = tilted.mean_field()
four = np.sqrt(2) * np.concatenate([np.eye(2), -np.eye(2)])
print("mean and second moment:", four.mean(axis=0), *(four.T @ four / 4))
random = default_rng(3).standard_normal((4, 2))
print(f"{'q':34s}  4 points  4 draws     −KL")
for name, L in (("mean field, sd 0.6", np.diag(mf_sd)),
                ("sd 1, no correlation", np.eye(2)),
                ("full rank, L = cholesky(Σ)", lower)):
    exact = -divergences.mvn_kl(np.zeros(2), L @ L.T, np.zeros(2), cov)
    values = [full_rank.full_rank_elbo(tilted.log_joint, np.zeros(2), L, z)
              for z in (four, random)]
    print(f"{name:34s}{round(float(values[0]), 6) + 0.0:10.6f}"
          f"{values[1]:9.4f}{exact + 0.0:11.6f}")

# %% [markdown] tags=["covers: A11"]
# The target is normalised, so $\log p(x) = 0$ and the ELBO is $-\mathrm{KL}$. The check of your
# ELBO uses such points, and so does the library's deterministic ADVI (`vi_lib.dadvi`), which fits
# on frozen noise with matched moments.
#
# <details><summary><b>Concept 3:</b> with q = p, does every single draw give log p(x), as for the
# exact posterior in lesson 1?</summary>
#
# Not in the form (2): there the entropy is exact, but $\log p(x, \zeta_m)$ varies from draw to
# draw. With $-\log q(\zeta_m)$ in place of the entropy it would: the two fluctuations are the same
# and cancel. For a $q$ that is far too narrow the exact entropy is the quieter one, close to the
# optimum the other: the same distinction as between total and path derivative in lesson 6.
# </details>

# %% [markdown] tags=["covers: A15 D28"]
# ## 4 · Gradients
#
# Hold the noise fixed and differentiate (2), one entry at a time. Let
# $g_m = \nabla_\zeta \log p(x, \zeta_m)$, the slope of the model at draw $m$.
#
# **The mean.** $\partial\zeta_m/\partial\mu = I$, and the entropy knows no $\mu$:
# $\ \nabla_\mu \mathcal L = \frac1M\sum_m g_m$.
#
# **An entry of L.** Coordinate $k$ of a draw is $\zeta_k = \mu_k + \sum_j L_{kj}\,\varepsilon_j$.
# If $L_{ij}$ grows, coordinate $i$ moves by $\varepsilon_j$ and the others stay. So the first term
# has the derivative $\frac1M\sum_m g_{m,i}\,\varepsilon_{m,j}$, entry $(i, j)$ of the average outer
# product. **The entropy** $\sum_i \log L_{ii}$ has the derivative $1/L_{ii}$ on the diagonal and 0
# elsewhere. And there are parameters in the lower triangle only:
#
# $$\boxed{\ g_\mu = \frac1M\sum_m g_m, \qquad
# g_L = \mathrm{tril}\Big(\frac1M\sum_m g_m\,\varepsilon_m^\top\Big)
# + \mathrm{diag}\Big(\frac1{L_{ii}}\Big)\ } \tag{3}$$
#
# (In the free numbers of E8.1, the diagonal is multiplied by $L_{ii}$ once more, for
# $dL_{ii}/d\log L_{ii} = L_{ii}$.)
#
# **Where does it vanish?** On a Gaussian target $g = -\Lambda(\zeta - m)$; in expectation $g_\mu =
# -\Lambda(\mu - m)$ and $E[g\,\varepsilon^\top] = -\Lambda L$. So $\mu = m$, and
# $\mathrm{tril}(\Lambda L) = \mathrm{diag}(1/L_{ii})$. The latter says that $\Lambda L$ is *upper*
# triangular, with the diagonal $1/L_{ii}$. Multiply by $L^\top$ from the left, upper triangular,
# too: $L^\top\Lambda L$ is upper triangular with a diagonal of ones. But it is symmetric; so it is
# $I$, and $LL^\top = \Lambda^{-1}$. There is no other place to rest.
#
# ### Exercise 8.3 · The full-rank gradients (6 points)
#
# Return both gradients (3) for the given noise: averages over the draws, `g_L` as a (D, D) matrix
# with zeros above the diagonal. Differentiate in $L$ itself, not in its logarithms. Parameters and
# noise may be whole numbers. The last part of the check climbs with your gradients, 60 steps of
# plain ascent, and looks whether the KL divergence gets below 0.001.

# %% exercise="E8.3"
def full_rank_gradients(grad_log_joint, mu, L, eps):
    """Return the gradients of the ELBO in mu and L, the entropy exact.

    grad_log_joint: slope of log p(x, zeta) in zeta, (S, D) -> (S, D).
    mu: (D,); L: (D, D), lower triangular with a positive diagonal.
    eps: (S, D), standard normal.
    Returns (g_mu, g_L), (D,) and (D, D), averages over the S draws.
    """
    ### BEGIN SOLUTION
    g = grad_log_joint(mu + eps @ L.T)
    outer = g.T @ eps / len(eps)
    return np.mean(g, axis=0), np.tril(outer) + np.diag(1 / np.diag(L))
    ### END SOLUTION

# %% check="E8.3" seed=8301

# %% [markdown] tags=["covers: A15 B22"]
# ### The fit in motion
#
# Plain ascent along (3), ten draws a step, from a small round $q$ in the wrong place. The second
# curve is mean field: the same program with the entries below the diagonal held at 0.

# %% tags=["demo", "covers: A15 B22"]
prec = np.linalg.inv(tilted.cov)


def climb(full, steps, rate=0.05, num_draws=10, seed=4):
    """Means, factors and KL divergences after each step of ascent."""
    rng, mu, L = default_rng(seed), np.array([-2.0, 1.5]), 0.3 * np.eye(2)
    path = []
    for _ in range(steps + 1):
        kl = divergences.mvn_kl(mu, L @ L.T, np.zeros(2), tilted.cov)
        path.append((mu, L, float(kl)))
        eps = rng.standard_normal((num_draws, 2))
        g_mu, g_L = full_rank.full_rank_gradients(
            lambda z: -z @ prec, mu, L, eps)
        mask = np.ones((2, 2)) if full else np.eye(2)
        mu, L = mu + rate * g_mu, L + rate * mask * g_L
    return path


paths = {"full rank": climb(True, 300), "mean field": climb(False, 300)}
styles = {"full rank": (plots.BLUE, "-"), "mean field": (plots.VERMILLION,
                                                         "--")}


def climbing(fig, step):
    left, right = fig.subplots(1, 2)
    plots.contours(left, tilted.log_joint, (-3.2, 3.2), (-3.2, 3.2),
                   num=81, mass=(0.5, 0.95), fill=False)
    for name, path in paths.items():
        color, line = styles[name]
        mu, L, kl = path[step]
        plots.ellipse(left, mu, L @ L.T, mass=0.95, color=color,
                      linestyle=line)
        kls = [max(k, 1e-5) for _, _, k in path]
        right.semilogy(kls[: step + 1], color=color, ls=line, lw=1.5,
                       label=f"{name}: {kl:.3f}")
    left.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), aspect="equal",
             xlabel="ζ₁", ylabel="ζ₂")
    right.set(xlim=(0, 300), ylim=(1e-4, 60), xlabel="step",
              title="KL, nats")
    right.legend(loc="upper right", fontsize=11)


for name, path in paths.items():
    mu, L, kl = path[-1]
    fitted = L @ L.T
    sd = np.sqrt(np.diag(fitted))
    print(f"{name:10s}: means {mu}, sds {sd}, correlation "
          f"{fitted[0, 1] / sd[0] / sd[1]:.3f}, KL {kl:.4f}")
print("exact     : means [0. 0.], sds [1. 1.], correlation 0.800")
flipbook(
    climbing, (0, 2, 5, 10, 15, 20, 30, 45, 70, 110, 180, 300),
    label="step {}", figsize=(6.4, 3.7), start=7,
    alt="Left, a small round ellipse moves to the centre of a leaning "
        "Gaussian; the full-rank one then stretches along the diagonal until "
        "it lies on the contour, the mean-field one stays round. Right, the "
        "KL divergence of full rank falls to about 0.02 and dances there, "
        "that of mean field stays above 0.51."
)

# %% [markdown] tags=["covers: B22 B23 B21"]
# ### What is a loss of 0.0155?
#
# The exact full-rank answer has KL 0, and the page's run ended at 0.0155 and 0.0152. It is no
# property of the family but of the *optimiser*: with a constant step size the iterates dance
# around the optimum and never rest (lesson 4), and each is a little off. Here are 200 runs at once,
# Adam with a constant rate of 0.01, and what becomes of the iterates if they are averaged:

# %% tags=["demo", "covers: B22"]
def chains(step, num_draws, iters=1500, num=200, seed=5):
    """Full-rank ADVI of the tilted Gaussian from the optimum, `num` runs.

    Returns the mean KL of the iterates, and lam averaged over the last
    half of the iterations, (num, 5).
    """
    rng, q, state = default_rng(seed), FullRank(2), None
    lam = np.tile(q.pack(np.zeros(2), lower), (num, 1))
    total, kls = 0.0, []
    for k in range(iters):
        mu, L = q.unpack(lam)
        eps = rng.standard_normal((num, num_draws, 2))
        g = -(mu[:, None] + eps @ np.swapaxes(L, 1, 2)) @ prec
        g_L = np.swapaxes(g, 1, 2) @ eps / num_draws
        gradient = np.column_stack([
            np.mean(g, axis=1), g_L[:, 0, 0] * L[:, 0, 0] + 1.0,
            g_L[:, 1, 0], g_L[:, 1, 1] * L[:, 1, 1] + 1.0])
        increment, state = step(gradient, state)
        lam = lam + increment
        if k >= iters // 2:
            total = total + lam
            if k % 25 == 0:
                kls.append(np.mean(kl_of(lam)))
    return np.mean(kls), total / (iters - iters // 2)


def kl_of(lam):
    mu, L = FullRank(2).unpack(lam)
    return divergences.mvn_kl(mu, L @ np.swapaxes(L, 1, 2), np.zeros(2),
                              tilted.cov)


print("Adam, rate 0.01        KL of an iterate   of the average")
for num_draws in (1, 10):
    danced, averaged = chains(optimizers.adam(0.01), num_draws)
    print(f"  {num_draws:2d} draws a step {danced:18.4f} "
          f"{np.mean(kl_of(averaged)):16.5f}")

# %% [markdown] tags=["covers: B22 B23 B20"]
# One draw a step and a constant rate leave a KL of about 0.02, the size of what the page saw (its
# step rule is another one, so this is an explanation and no proof). The averages of 750 iterates
# are eight and twenty times closer. So 0.0155 does not say that full rank is inexact here, and
# 0.51667 against 0.5108 has the same origin. In the same way 1.0213 and 1.0081 are 1, give or take
# $1/\sqrt{2000} = 0.022$.
#
# And the 41 and 59 seconds? With $D = 2$ a step costs a handful of multiplications in either
# family; what was timed is the program around them. Section 9 looks at costs where they matter.
#
# <details><summary><b>Concept 4:</b> at the optimum of a full-rank fit to a Gaussian, what is the
# variance of the path derivative of lesson 6? And in mean field?</summary>
#
# With $q = p$ the slope of $\log p - \log q$ is 0 everywhere, so the path derivative is 0 on every
# draw: no variance at all. (The total derivative (3) still has some, as $g_m$ varies.) The best
# mean-field $q$ is not the posterior, and the correlation it lacks remains as noise: what is left
# of the path derivative's variance measures how badly the family fits.
# </details>

# %% [markdown] tags=["covers: B21 B22"]
# ## 5 · The KL divergence of two Gaussians
#
# To say how far a Gaussian $q$ is from a Gaussian posterior we need a formula. Let
# $q = N(m_0, \text{cov} = S_0)$ and $p = N(m_1, \text{cov} = S_1)$. The log ratio is
#
# $$\log q - \log p = \tfrac12\log\frac{\det S_1}{\det S_0}
# - \tfrac12 (\zeta - m_0)^\top S_0^{-1} (\zeta - m_0)
# + \tfrac12 (\zeta - m_1)^\top S_1^{-1} (\zeta - m_1) ,$$
#
# and we average it under $q$. A number is its own trace, and under a trace factors may be turned
# round, $a^\top A\,a = \mathrm{tr}(A\,a a^\top)$. So the second term needs
# $E_q[(\zeta - m_0)(\zeta - m_0)^\top] = S_0$ and gives
# $\mathrm{tr}(S_0^{-1}S_0) = \mathrm{tr}(I) = D$. For the third, insert $m_0$: with
# $d = m_0 - m_1$,
#
# $$E_q[(\zeta - m_1)(\zeta - m_1)^\top]
# = E_q[(\zeta - m_0 + d)(\zeta - m_0 + d)^\top] = S_0 + d\,d^\top ,$$
#
# as the mixed terms have mean 0. Hence
#
# $$\boxed{\ \mathrm{KL}(q\,\Vert\,p) = \tfrac12\Big[\mathrm{tr}(S_1^{-1}S_0)
# + (m_0 - m_1)^\top S_1^{-1} (m_0 - m_1) - D + \log\frac{\det S_1}{\det S_0}\Big]\ } \tag{4}$$
#
# Both quadratic terms are measured in the units of $p$, the second Gaussian. With $D = 1$ it is the
# formula of E1.1. For the determinants remember that 100 sds of $10^{-3}$ make a variance product
# of $10^{-600}$, which is 0 in floating point.
#
# ### Exercise 8.4 · The KL divergence of two Gaussians (5 points)
#
# Write (4). The covariances are symmetric and positive definite; there may be 100 dimensions and
# scales that differ by $10^4$, so that neither a determinant nor its inverse need be a number
# the computer has.

# %% exercise="E8.4"
def mvn_kl(m0, S0, m1, S1):
    """Return KL(q || p), q = N(m0, cov = S0), p = N(m1, cov = S1), in nats.

    m0, m1: means (D,); S0, S1: covariance matrices (D, D).
    Returns one number; D may be 1.
    """
    ### BEGIN SOLUTION
    gap = m0 - m1
    quadratic = np.trace(np.linalg.solve(S1, S0))
    quadratic += gap @ np.linalg.solve(S1, gap)
    log_ratio = np.linalg.slogdet(S1)[1] - np.linalg.slogdet(S0)[1]
    return 0.5 * (quadratic - len(gap) + log_ratio)
    ### END SOLUTION

# %% check="E8.4" seed=8401

# %% [markdown] tags=["covers: B21 B22 D55"]
# ### What mean field pays
#
# Now the price list: KL divergence of the best mean field from a Gaussian whose $D$ coordinates are
# all correlated by $\rho$. Full rank pays 0, everywhere.

# %% tags=["demo", "covers: B21 B22 D55"]
grid = np.linspace(0.0, 0.99, 100)
fig, ax = plt.subplots(figsize=(6, 4))
for dim, color, line in ((2, plots.BLUE, "-"), (5, plots.GREEN, "--"),
                         (20, plots.VERMILLION, "-.")):
    kls = []
    for corr in grid:
        equal = (1 - corr) * np.eye(dim) + corr
        kls.append(oracles.CorrelatedGaussian(
            np.zeros(dim), equal).mean_field()[2])
    ax.plot(grid, kls, line, color=color, label=f"mean field, D = {dim}")
    print(f"D = {dim:2d}: KL at ρ = 0.3, 0.8, 0.95: "
          + ", ".join(f"{kls[i]:.4f}" for i in (30, 80, 95)))
ax.axhline(0.0, color=plots.BLACK, lw=2.5, label="full rank")
ax.set(xlabel="correlation ρ of each pair", ylabel="KL(q‖p), nats",
       ylim=(-0.15, 4))
ax.legend(loc="upper left")
plots.show(fig, alt="KL divergence of the best mean field against the "
           "correlation for 2, 5 and 20 dimensions. All curves start at 0 "
           "and rise, slowly at first and steeply near 1; more dimensions "
           "pay more. Full rank stays at 0.")

# %% [markdown] tags=["covers: D55 A11"]
# ## 6 · Three measurements of 442 patients
#
# Does it matter in practice? Take the diabetes data, and predict the progression of the disease
# from three measurements: body mass index, total cholesterol (tc) and low-density cholesterol
# (ldl), all standardized. The last two say nearly the same, their correlation is 0.90. The model is
# linear,
#
# $$y_i \sim N(x_i^\top\beta,\ \text{sd} = e^{\omega}), \qquad \beta_j \sim N(0, \text{sd} = 1), \qquad
# e^\omega \sim \mathrm{HalfNormal}(1), \qquad \zeta = (\beta_1, \beta_2, \beta_3, \omega) ,$$
#
# and its exact posterior is known by quadrature over $\omega$.

# %% tags=["demo", "covers: A11 D55"]
raw = datasets.load("diabetes")
columns = raw["X"][:, [2, 4, 5]]
X = (columns - columns.mean(axis=0)) / columns.std(axis=0)
y = (raw["y"] - raw["y"].mean()) / raw["y"].std()
patients = oracles.LinearRegressionUnknownSd(X, y, prior_sd=1.0)
log_p = patients.unconstrained_log_joint
fits = {"mean field": dadvi(log_p, MeanField(4), rng=default_rng(6)),
        "full rank": dadvi(log_p, FullRank(4), rng=default_rng(6))}
print(f"correlation of tc and ldl in the data {np.corrcoef(X.T)[1, 2]:.2f}")
print("              bmi            tc             ldl           noise sd"
      "    corr(tc, ldl)")
exact_cov = patients.cov[:3, :3]
rows = [("exact", patients.mean, exact_cov)]
noise = [(patients.mean[3], np.sqrt(patients.cov[3, 3]))]
for name, fit in fits.items():
    rows.append((name, fit.mean, fit.result.cov[:3, :3]))
    middle = np.exp(fit.mean[3] + fit.sd[3] ** 2 / 2)  # of a log-normal
    noise.append((middle, middle * np.sqrt(np.expm1(fit.sd[3] ** 2))))
for (name, mean, c), last in zip(rows, noise, strict=True):
    sd = np.sqrt(np.diag(c))
    pairs = [*zip(mean[:3], sd, strict=True), last]
    print(f"{name:10s}" + "".join(f"{m:7.3f} ± {s:.3f}" for m, s in pairs)
          + f"{c[1, 2] / sd[1] / sd[2] + 0.0:9.2f}")
for name, fit in fits.items():
    print(f"{name:10s}: ELBO {fit.elbo:.2f} ± {fit.elbo_se:.2f}, "
          f"log p(y) = {patients.log_evidence:.2f}")

# %% [markdown] tags=["covers: D55"]
# The means agree to three digits. The sds of the two cholesterol coefficients are less than half of
# what they should be, and the ELBO is lower by 0.8 nats. Is that bad? It depends on the question.
#
# - *What if both rise together by one sd?* That asks for $\beta_2 + \beta_3$.
# - *What if one rises and the other falls?* That asks for $\beta_2 - \beta_3$.
#
# The variance of a sum is $s_2^2 + s_3^2 + 2\,c$ with the covariance $c$, that of a difference
# $s_2^2 + s_3^2 - 2\,c$. Mean field has $c = 0$ and gives the same answer to both.

# %% tags=["demo", "covers: D55"]
contrasts = {"tc + ldl": np.array([0.0, 1.0, 1.0]),
             "tc − ldl": np.array([0.0, 1.0, -1.0])}
fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 4.0))
where = patients.mean[1:3]
for (name, mean, c), color, line in zip(
    rows, (plots.BLACK, plots.VERMILLION, plots.BLUE), ("-", "-", "--"),
    strict=True
):
    plots.ellipse(left, mean[1:3], c[1:3, 1:3], mass=0.9, color=color,
                  linestyle=line, label=name)
    for height, a in enumerate(contrasts.values()):
        m, s = a @ mean[:3], np.sqrt(a @ c @ a)
        at = height + {"exact": 0.2, "mean field": 0.0,
                       "full rank": -0.2}[name]
        right.plot([m - 1.645 * s, m + 1.645 * s], [at, at], line,
                   color=color, lw=3)
        right.plot(m, at, "o", color=color)
    print(f"{name:10s}: " + ", ".join(
        f"sd of {label} {np.sqrt(a @ c @ a):.3f}"
        for label, a in contrasts.items()))
left.set(xlabel="β of tc", ylabel="β of ldl", title="90 % of the posterior")
right.set(yticks=[0, 1], yticklabels=list(contrasts), ylim=(-0.5, 1.5),
          title="90 % intervals")
fig.legend(*left.get_legend_handles_labels(), loc="outside lower center",
           ncols=3, fontsize=11)
plots.show(fig, alt="Left: the posterior of the two cholesterol coefficients "
           "is a long thin ellipse falling to the right; full rank lies on "
           "it, mean field is a small circle inside. Right: for the sum of "
           "the coefficients the mean-field interval is wider than the exact "
           "one, for the difference it is three times narrower.")

# %% [markdown] tags=["covers: D55 X45"]
# For the sum mean field is too **wide**, by a third; for the difference too **narrow**, by a factor
# of three. So the sentence with which many courses end, "$q$ underestimates the uncertainty", needs
# care:
#
# - It holds for the sd of each *coordinate* where the target is Gaussian: $\Lambda_{dd}^{-1/2} \le
#   \Sigma_{dd}^{1/2}$. For a combination of coordinates it can be the other way round. (Not for all
#   at once: the volume of $q$ is never too large.)
# - It is a statement about the *optimum*. What a program prints comes from an optimiser as well,
#   and a noisy adaptive step can widen a $q$ that ought to be exact or narrow.
#
# The second point is no theory. A published comparison finds ADVI's sds 8 to 10 % *above* those of
# NUTS. Lesson 7 has the mechanism: a step divided by a norm that contains the gradient itself. Full
# rank is not spared:

# %% tags=["demo", "covers: D55 X45"]
def relative_sd(lam):
    """Sds of q relative to the exact ones, which are 1, averaged."""
    return np.mean(FullRank(2).sd(np.mean(lam, axis=0)))


print("step rule                        draws   sds of q / exact")
for name, step, num_draws in (
    ("ADVI's, as printed", optimizers.advi_step(0.1, corrected=False), 1),
    ("ADVI's, as printed", optimizers.advi_step(0.1, corrected=False), 10),
    ("ADVI's, with the norm of the past", optimizers.advi_step(0.1), 1),
    ("RMSprop, rate 0.01", optimizers.rmsprop(0.01), 1),
    ("Adam, rate 0.01", optimizers.adam(0.01), 1),
):
    _, averaged = chains(step, num_draws)
    print(f"{name:34s}{num_draws:4d}{relative_sd(averaged):15.3f}")

# %% [markdown] tags=["covers: D55 X45"]
# The families are the same, and the target is in it; all five should print 1.000. An sd that is too
# *large* after a variational fit is a reason to look at the optimiser.
#
# <details><summary><b>Concept 5:</b> you only need predictions for new patients like the 442. Is
# mean field good enough here?</summary>
#
# For such patients tc and ldl move together, so a prediction $x^\top\beta$ asks for sums, which
# mean field has about right (a bit too wide). And the noise sd, 0.8, dwarfs all of it. It is
# questions that leave the data's own directions, "lower ldl and keep tc", that need the difference,
# and there mean field is far too sure.
# </details>

# %% [markdown] tags=["covers: D55 A15"]
# ## 7 · Covariances from a mean-field fit: linear response
#
# In the table above mean field had the means right. Physicists have long used a trick that turns
# means into covariances. **Tilt** the posterior a little, by a factor $e^{t^\top\zeta}$:
#
# $$p_t(\zeta) = p(\zeta \mid x)\, e^{t^\top\zeta - C(t)}, \qquad
# C(t) = \log E_p\big[e^{t^\top\zeta}\big] .$$
#
# The mean of $p_t$ is $\nabla C(t)$, for $\nabla C = E_p[\zeta
# e^{t^\top\zeta}]/E_p[e^{t^\top\zeta}]$. Differentiate once more at $t = 0$: by the quotient rule
# $E[\zeta\zeta^\top] - E[\zeta]E[\zeta]^\top$, so
#
# $$\mathrm{Cov}_p(\zeta) = \frac{d}{dt}\, E_{p_t}[\zeta]\,\Big|_{t=0} . \tag{5}$$
#
# A covariance is the **response of the mean to a push**: push $\zeta_1$, and watch how much
# $\zeta_2$ follows. Now put the mean of the fit in place of the exact one.

# %% tags=["demo", "covers: A15"]
push = np.array([1.2, 0.0])
fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.9), sharey=True)
for ax, moved, title in zip(
    axes, (np.zeros(2), tilted.cov @ push), ("before", "after the push"),
    strict=True
):
    p = oracles.CorrelatedGaussian(moved, tilted.cov)
    mean, sd, _ = p.mean_field()
    plots.contours(ax, p.log_joint, (-3.2, 3.8), (-3.2, 3.8), num=101,
                   mass=(0.5, 0.95), label="p")
    plots.ellipse(ax, mean, np.diag(sd**2), mass=0.95, label="mean field")
    if ax is axes[1]:
        ax.annotate("", mean, (0, 0), zorder=6, arrowprops={
            "arrowstyle": "-|>", "lw": 2.5, "color": plots.BLUE,
            "shrinkA": 0, "shrinkB": 0})
    ax.set(xlabel="ζ₁", title=title, aspect="equal")
    print(f"{title:15s}: mean of mean field {mean}, sds {sd}")
axes[0].set_ylabel("ζ₂")
axes[0].legend(loc="upper left", fontsize=11)
print("response per unit of push:", mean / push[0], " Σ's first column:",
      tilted.cov[:, 0])
plots.show(fig, alt="Left: a leaning Gaussian with the small round mean-field "
           "ellipse in its centre. Right: after a push along the first "
           "coordinate the Gaussian has moved to the upper right, and the "
           "round ellipse with it, along an arrow that has the slope of the "
           "correlation.")

# %% [markdown] tags=["covers: A15 D55"]
# The ellipse is round before and after; but its centre *moves along the diagonal*. The correlation
# is not in the shape of $q$, it is in how $q$ reacts.
#
# No push is needed to compute it. The tilted fit $\lambda(t)$ maximises $\mathcal L(\lambda) +
# t^\top m(\lambda)$, where $m(\lambda)$ is the mean of $q$ and $J = dm/d\lambda$. So for all $t$
#
# $$\nabla\mathcal L\big(\lambda(t)\big) + J^\top t = 0 . \qquad \text{Differentiate at } t = 0: \quad
# H\,\frac{d\lambda}{dt} + J^\top = 0 ,$$
#
# with the Hessian $H = \nabla^2\mathcal L$ at the fit. (The derivative of $J$ is multiplied by $t =
# 0$.) Solve for $d\lambda/dt$ and multiply by $J$:
#
# $$\boxed{\ \mathrm{Cov}_{LR} = J\,(-H)^{-1} J^\top\ } \tag{6}$$
#
# For a Gaussian $q$ the mean is a part of $\lambda$, $J = (I, 0)$, and (6) is the upper left block
# of $(-H)^{-1}$. On a Gaussian target the ELBO is $-\frac12(m - \mu)^\top\Lambda(m - \mu)$ plus a
# function of the sds alone, so that block is $\Lambda^{-1} = \Sigma$: **exact**, correlations and
# all, from a fit that has none.

# %% tags=["demo", "covers: A15 D55"]
def closed_elbo(lam):
    """ELBO of a mean-field q, lam = (m, omega), for the tilted Gaussian."""
    m, omega = lam[:2], lam[2:]
    return -divergences.mvn_kl(m, np.diag(np.exp(2 * omega)), np.zeros(2),
                               tilted.cov)


H = hessian(closed_elbo)(np.concatenate([np.zeros(2), np.log(mf_sd)]))
print("ρ = 0.8, (−H)⁻¹, upper left block:",
      *np.linalg.inv(-H)[:2, :2])
mf = fits["mean field"]
print("\ndiabetes       sd: bmi     tc    ldl     ω  corr(tc, ldl)")
exact_sd = np.sqrt(np.diag(exact_cov))
for name, sd, c in (
    ("mean field", mf.sd, 0.0),
    ("linear response", mf.lr_sd, mf.lr_cov[1, 2] / mf.lr_sd[1]
     / mf.lr_sd[2]),
    ("full rank", fits["full rank"].sd,
     rows[2][2][1, 2] / np.prod(fits["full rank"].sd[1:3])),
):
    print(f"{name:16s}" + "".join(f"{v:7.4f}" for v in sd) + f"{c:10.3f}")
print(f"{'exact':16s}" + "".join(f"{v:7.4f}" for v in exact_sd)
      + f"{'':7s}{exact_cov[1, 2] / exact_sd[1] / exact_sd[2]:10.3f}")

# %% [markdown] tags=["covers: D55"]
# The cost is one linear system with the Hessian of the ELBO, after the fit, instead of $D^2/2$
# parameters during it. The price: $\mathcal L$ must be known well enough to be differentiated twice
# at its maximum. With fresh noise in each step one never arrives there; with frozen noise, as in
# `dadvi`, it is an ordinary function with an ordinary Hessian. And (6) corrects covariances only;
# the *means* stay those of mean field.
#
# ## 8 · Laplace's method, and a skewed posterior
#
# Long before ADVI people put Gaussians on posteriors. **Laplace's approximation** takes the mode
# $\hat\zeta$ of $\log p$ and its curvature there,
#
# $$q_{\text{Laplace}} = N\Big(\hat\zeta,\ \text{cov} = \big(-\nabla^2 \log p(x, \hat\zeta)\big)^{-1}\Big) ,$$
#
# that is, a parabola that touches $\log p$ at its top. Is a full-rank fit something else at all?

# %% [markdown] tags=["covers: B17"]
# Set the gradients (3) to 0, in expectation. The first says $E_q[\nabla\log p] = 0$. For the second
# use Stein's identity for Gaussian noise, $E[g(\varepsilon)\,\varepsilon^\top] =
# E[\nabla_\varepsilon g]$ (integration by parts), with $\nabla_\varepsilon\, g(\mu + L\varepsilon)
# = \nabla^2\log p\;L$: then $E[g\,\varepsilon^\top] = E_q[\nabla^2 \log p]\, L$. So
# $\mathrm{tril}(-E_q[\nabla^2\log p]\,L) = \mathrm{diag}(1/L_{ii})$, and by the argument of section
# 4 $LL^\top$ is the inverse:
#
# $$\boxed{\ E_q\big[\nabla \log p(x, \zeta)\big] = 0, \qquad
# \Sigma_q = \Big(-E_q\big[\nabla^2\log p(x, \zeta)\big]\Big)^{-1}\ } \tag{7}$$
#
# The same two equations as Laplace's, with one difference: slope and curvature are **averaged over
# $q$** and not taken at a point. Laplace sees the neighbourhood of the summit, variational
# inference as much of the mountain as $q$ covers. If $\log p$ is quadratic there is nothing to
# average and both are exact. If it is skewed, they part.
#
# ### A skewed target where everything is known
#
# Let $\theta \sim \mathrm{Gamma}(a, \text{rate} = b)$ and $\zeta = \log\theta$, as for a rate or a
# precision. With the Jacobian, $\log p(\zeta) = a\zeta - b\,e^{\zeta} + \text{const}$: a line minus
# an exponential, flat to the left and steep to the right.
#
# - **Exact:** mean $\psi(a) - \log b$ with the digamma function $\psi$, variance $\psi'(a)$.
# - **Laplace:** slope $a - b e^\zeta = 0$ at $\hat\zeta = \log(a/b)$; curvature $-b e^{\hat\zeta} =
#   -a$.
# - **Variational:** $E_q[e^\zeta] = e^{m + s^2/2}$, so (7) reads $b\,e^{m + s^2/2} = a$ and
#   $1/s^2 = b\,e^{m + s^2/2} = a$. Hence $s^2 = 1/a$, $m = \log(a/b) - 1/(2a)$.
#
# The same width; but the variational Gaussian has moved towards the long tail.

# %% tags=["demo", "covers: B17"]
print("b = 1   mean: exact  Laplace       VI  |  sd: exact   both"
      "  |  KL: Laplace      VI")
for a in (0.5, 1.0, 2.0, 5.0, 20.0):
    exact_mean, exact_s = special.digamma(a), special.polygamma(1, a) ** 0.5
    kls = []
    for m in (np.log(a), np.log(a) - 0.5 / a):
        fall = a * m - np.exp(m + 0.5 / a) - special.gammaln(a)
        kls.append(-0.5 * np.log(2 * np.pi * np.e / a) - fall)
    print(f"a = {a:4.1f} {exact_mean:10.4f} {np.log(a):8.4f} "
          f"{np.log(a) - 0.5 / a:8.4f}  | {exact_s:9.4f} {a**-0.5:6.4f}"
          f"  | {kls[0]:10.4f} {kls[1]:8.4f}")

# %% tags=["demo", "covers: B17"]
fig, (top, bottom) = plt.subplots(2, 1, figsize=(6, 5.6), sharex=True)
z = np.linspace(-6.0, 3.5, 400)
log_gamma = z - np.exp(z)
top.plot(z, log_gamma, color=plots.BLACK, label="log p, a = b = 1")
bottom.fill_between(z, np.exp(log_gamma), color=plots.BLACK, alpha=0.2)
bottom.plot(z, np.exp(log_gamma), color=plots.BLACK, label="exact")
for name, m, color, line in (("Laplace", 0.0, plots.VERMILLION, "--"),
                             ("full-rank VI", -0.5, plots.BLUE, "-.")):
    q_pdf = np.exp(densities.normal(z, m, 1.0))
    top.plot(z, -1.0 - 0.5 * (z - m) ** 2, line, color=color)
    bottom.plot(z, q_pdf, line, color=color, label=name)
    bottom.plot(m, 0.0, "^", color=color, ms=10, clip_on=False)
bottom.plot(special.digamma(1.0), 0.0, "^", color=plots.BLACK, ms=10,
            clip_on=False)
top.set(ylim=(-8, 0), ylabel="log density")
top.legend(loc="lower center")
bottom.set(xlabel="ζ = log θ   (triangles: means)", ylabel="density",
           ylim=(0, 0.45), xlim=(-6, 3.5))
bottom.legend(loc="upper left")
print(f"means: exact {special.digamma(1.0):.4f}, Laplace 0, VI -0.5")
plots.show(fig, alt="Top: the log density rises in a straight line from the "
           "left and falls steeply on the right; Laplace's parabola touches "
           "its summit at 0, the variational parabola is shifted to -0.5. "
           "Bottom: the densities; the variational mean at -0.5 lies near "
           "the exact mean at -0.58, Laplace's at 0.")

# %% [markdown] tags=["covers: B17"]
# Since $\psi(a) - \log a \approx -1/(2a) - 1/(12a^2)$, Laplace's mean is off by a little more than
# $1/(2a)$, by 0.58 at $a = 1$; the variational one has the first term right and misses the second,
# about $1/(12 a^2)$, there 0.08. Neither sees the skewness in its *width*: both are too narrow. And
# with more data (larger $a$) the posterior becomes Gaussian and they agree.
#
# ### Two coefficients of a logistic regression
#
# Ten people, one measurement each; with one exception the low values are well and the high ones
# ill. The posterior of intercept and slope has a long tail towards steeper and steeper curves.

# %% tags=["demo", "covers: B17 A11"]
measured = np.array([-2.0, -1.4, -1.0, -0.6, -0.2, 0.3, 0.7, 1.1, 1.6, 2.2])
ill = np.array([0, 0, 0, 0, 1, 0, 1, 1, 1, 1])
design = np.stack([np.ones(10), measured + 1.0], axis=1)


def log_logistic(zeta):
    """log p(y, zeta), (S, 2) -> (S,), with zeta ~ N(0, sd=5)."""
    logits = np.dot(zeta, design.T)
    log_lik = np.sum(ill * logits - np.logaddexp(0.0, logits), axis=-1)
    return log_lik + np.sum(densities.normal(zeta, 0.0, 5.0), axis=-1)


curve = oracles.Quadrature(log_logistic, start=np.zeros(2), reach=14.0)
mode, laplace_cov = full_rank.laplace_approximation(log_logistic,
                                                    np.zeros(2))
fr = dadvi(log_logistic, FullRank(2), num_draws=400, rng=default_rng(8))
mf = dadvi(log_logistic, MeanField(2), num_draws=400, rng=default_rng(8))
table = [("exact", curve.mean, curve.cov),
         ("Laplace", mode, laplace_cov),
         ("mean field", mf.mean, mf.result.cov),
         ("  with linear response", mf.mean, mf.lr_cov),
         ("full rank", fr.mean, fr.result.cov),
         ("  with linear response", fr.mean, fr.lr_cov)]
print(f"{'':24s}  intercept      slope         correlation")
for name, mean, c in table:
    sd = np.sqrt(np.diag(c))
    print(f"{name:24s}" + "  ".join(f"{m:5.2f} ± {s:.2f}" for m, s in
                                   zip(mean, sd, strict=True))
          + f"{c[0, 1] / sd[0] / sd[1] + 0.0:10.2f}")

# %% tags=["demo", "covers: B17 A11"]
fig, ax = plt.subplots(figsize=(6, 4.6))
plots.contours(ax, log_logistic, (-10.5, 2), (-0.5, 9.5),
               mass=(0.5, 0.9), num=101, label="posterior")
for (name, mean, c), color, line in (
    (table[1], plots.VERMILLION, "--"), (table[2], plots.ORANGE, ":"),
    (table[4], plots.BLUE, "-."),
):
    plots.ellipse(ax, mean, c, mass=0.9, color=color, linestyle=line,
                  label=name)
ax.plot(*curve.mean, "x", color=plots.BLACK, ms=11, mew=3,
        label="exact mean")
ax.set(xlabel="intercept", ylabel="slope")
ax.legend(loc="upper right", fontsize=11)
height = log_logistic(mode[None])[0]
laplace_evidence = height + 0.5 * np.linalg.slogdet(
    2 * np.pi * laplace_cov)[1]
print(f"log p(y): exact {curve.log_evidence:.3f}, "
      f"Laplace's estimate {laplace_evidence:.3f}")
print(f"ELBO: full rank {fr.elbo:.2f}, mean field {mf.elbo:.2f}")
plots.show(fig, alt="A skewed posterior of intercept and slope, "
           "with a tail to the upper left. Laplace's ellipse is "
           "centred near the mode, at the lower right end. Full rank is "
           "centred on the exact mean; mean field is an upright ellipse "
           "between them.")

# %% [markdown] tags=["covers: B17 A11"]
# Laplace's means are off by half of an sd and more; those of full rank are on the spot. The sds of
# both are too small, since no symmetric ellipse can have such a tail. Linear response reads sds off
# the *motion* of the fit, and so gets some of the tail back: its sds are the best of the table,
# while the means below them are those of the fit they started from.
#
# | method | Laplace | full-rank VI |
# |---|---|---|
# | looks at | one point, the mode | the region that $q$ covers |
# | needs | a mode inside; two derivatives there | draws, one derivative, many steps |
# | gives | a log evidence, neither above nor below | a lower bound |
# | if the coordinates change | mode and curvature move | $q$ changes, too: Gaussian in other coordinates |
# | fails | at an edge, a spike, a flat top; in the tails | where $q$'s direction of KL does: modes, tails |
#
# "A Gaussian approximation", then, is not the name of a method. Which Gaussian, and fitted to what?
#
# <details><summary><b>Concept 6:</b> for a Gamma(a, b) density with a < 1, what does Laplace give
# in θ itself, and what in log θ?</summary>
#
# In $\theta$ nothing: the density rises without bound towards 0, there is no mode inside. In $\zeta
# = \log\theta$ the mode is $\log(a/b)$, for every $a > 0$. The transform decides whether there is
# an answer at all. For a variational Gaussian the transform is needed anyway, for its support.
# </details>

# %% [markdown] tags=["covers: B23 A11 A15"]
# ## 9 · The price of full rank
#
# Mean field has $2D$ parameters, full rank $D + D(D+1)/2$. A **low-rank** family stands in between:
# its covariance is $\mathrm{diag}(e^{2\omega}) + WW^\top$ with $W$ a ($D$, $R$) matrix, $R$ common
# causes and one private for each coordinate.
#
# What does a draw cost, with its share of the gradient? Seconds depend on the machine, on what else
# it does, and for small $D$ on nothing but the program around the formula. So count
# multiplications. (1) takes $D^2$ for $L\varepsilon$, if the zeros of $L$ are multiplied as well,
# and (3) another $D^2$ for $g\,\varepsilon^\top$; mean field takes $D$ and $D$. And every family
# must ask the *model* for its slope $g$. A regression with $N$ rows multiplies $2ND$ times, for
# $X\zeta$ and for $X^\top$ times the residuals.

# %% tags=["demo", "covers: B23 A11"]
print("parameters    D = 2     10     100     1,000      10,000")
dims = (2, 10, 100, 1000, 10_000)
for name, counts in (
    ("mean field", [MeanField(d).num_params for d in dims]),
    ("low rank 2", [LowRank(d, 2).num_params for d in dims]),
    ("full rank", [FullRank(d).num_params for d in dims]),
):
    print(f"{name:14s}" + "".join(
        f"{n:{w},d}" for n, w in zip(counts, (5, 7, 8, 10, 12),
                                     strict=True)))

# %% tags=["demo", "covers: B23"]
PATIENTS, RANK = 442, 2
per_draw = {"mean field": lambda d: 2 * d,
            "low rank 2": lambda d: 2 * d + 2 * d * RANK,
            "full rank": lambda d: 2 * d**2,
            "the model": lambda d: 2 * PATIENTS * d}
print("multiplications for a draw and its share of the gradient")
print("              D = 2      10       100        1,000         10,000")
for name, count in per_draw.items():
    print(f"{name:14s}" + "".join(
        f"{count(d):{w},d}" for d, w in zip(dims, (5, 8, 10, 13, 15),
                                            strict=True)))
print("full rank / model: " + ", ".join(
    f"{per_draw['full rank'](d) / per_draw['the model'](d):.3g}"
    for d in dims))
fig, ax = plt.subplots(figsize=(6, 4.2))
d = np.geomspace(1, 10_000, 50)
for (name, count), color, line in zip(
    per_draw.items(), (plots.VERMILLION, plots.GREEN, plots.BLUE,
                       plots.BLACK), ("-", "-.", "-", "--"), strict=True
):
    label = f"{name}, {PATIENTS} rows" if name == "the model" else name
    ax.loglog(d, count(d), line, color=color, label=label)
ax.plot(PATIENTS, per_draw["full rank"](PATIENTS), "o", color=plots.BLUE,
        ms=9)
ax.set(xlabel="dimension D", ylabel="multiplications for a draw")
ax.legend(loc="upper left")
plots.show(fig, alt="Multiplications for a draw against the dimension, both "
           "axes logarithmic. Mean field, low rank and the model are "
           "parallel lines, the model 442 times above mean field. Full rank "
           "is twice as steep: it starts with mean field and crosses the "
           "model's line at 442 dimensions.")

# %% [markdown] tags=["covers: B23"]
# At $D = 2$ there are five parameters instead of four and eight multiplications instead of four: no
# wonder that the page's 59 seconds against 41 say nothing about full rank. What the family costs is
# $D/N$ of what the model costs: with 442 patients and ten measurements 2 %. Only at $D = 442$ does
# it double the step. At $D = 10{,}000$ it makes it 24 times as long, the parameters are 50 million
# instead of 20 thousand, and a factor $L$ takes 800 MB. As long as there are more rows than unknowns,
# then, arithmetic is no reason against full rank. To see what your own machine makes of these
# counts, put `%timeit` before a call of `full_rank_elbo`.
#
# There is a second price, which is easily overlooked: **noise**. Every parameter's gradient is
# noisy, and each lets $q$ dance around its optimum in one more direction. Here both families climb
# for 600 steps of 5 draws, with the same constant rate, on targets in which every pair is
# correlated by 0.3. Mean field can never be exact; full rank could.

# %% tags=["demo", "covers: B23 A15"]
def danced_kl(dim, full):
    """Mean KL of the last iterates, and the best KL of mean field."""
    equal = 0.7 * np.eye(dim) + 0.3
    p = oracles.CorrelatedGaussian(np.zeros(dim), equal)
    inverse, rng = np.linalg.inv(equal), default_rng(dim)
    mu, L, kls = np.zeros(dim), np.eye(dim), []
    for k in range(600):
        eps = rng.standard_normal((5, dim))
        g_mu, g_L = full_rank.full_rank_gradients(
            lambda z: -z @ inverse, mu, L, eps)
        g_L = g_L if full else np.diag(np.diag(g_L))
        mu, L = mu + 0.03 * g_mu, L + 0.03 * g_L
        if k >= 400 and k % 20 == 0:
            kls.append(divergences.mvn_kl(mu, L @ L.T, np.zeros(dim), equal))
    return np.mean(kls), p.mean_field()[2]


dims = (2, 5, 10, 20, 30, 40)
found = np.array([[danced_kl(d, True)[0], *danced_kl(d, False)]
                  for d in dims])
fig, ax = plt.subplots(figsize=(6, 4.2))
ax.loglog(dims, found[:, 0], "s-", color=plots.BLUE, label="full rank")
ax.loglog(dims, found[:, 1], "o-", color=plots.VERMILLION,
          label="mean field")
ax.loglog(dims, found[:, 2], ":", color=plots.BLACK,
          label="mean field at its best")
ax.set(xlabel="dimension D", ylabel="KL of the iterates, nats",
       xticks=dims, xticklabels=dims)
ax.minorticks_off()
ax.legend(loc="upper left")
for d, (fr_kl, mf_kl, best) in zip(dims, found, strict=True):
    print(f"D = {d:2d}: full rank {fr_kl:.3f}, mean field {mf_kl:.3f}, "
          f"of which its family's share {best:.3f}")
plots.show(fig, alt="KL divergence against the dimension on logarithmic axes. "
           "Full rank starts below mean field and rises more steeply, like "
           "the square of the dimension; near 25 to 30 dimensions it crosses "
           "mean field, which stays near its own optimum.")

# %% [markdown] tags=["covers: B23 A11"]
# The full-rank curve grows like its number of parameters, $D^2$. What noise adds to mean field, the
# distance to the dotted line, grows like $D$. With this budget mean field wins from 25 or 30
# dimensions on, although its family is worse: *the better family has the worse fit*. The remedies
# are those of lessons 4 and 7: smaller steps at the end, averages of iterates, more draws. All of
# them cost time.
#
# And in between? Let 30 unknowns have three common causes and noise of their own. The best fits of
# each family, by minimising (4) without any sampling:

# %% tags=["demo", "covers: A11 A15"]
rng = default_rng(9)
causes = rng.standard_normal((30, 3)) * np.array([1.5, 1.0, 0.7])
target = causes @ causes.T + np.diag(rng.uniform(0.3, 1.0, 30))
print("30 unknowns, 3 common causes; KL of the best fit")
best = oracles.CorrelatedGaussian(np.zeros(30), target).mean_field()[2]
print(f"  mean field  {MeanField(30).num_params:4d} parameters  {best:8.3f}")
for rank in (1, 2, 3):
    q = LowRank(30, rank)
    omega, W = np.log(0.7 * np.ones(30)), causes[:, :rank]
    start = np.concatenate([omega, W.ravel()])

    def low_rank_kl(x, q=q):
        lam = np.concatenate([np.zeros(30), x])
        return divergences.mvn_kl(np.zeros(30), q.cov(lam), np.zeros(30),
                                  target)

    end = optimize.minimize(low_rank_kl, start, jac=grad(low_rank_kl),
                            method="L-BFGS-B", options={"maxiter": 300})
    print(f"  low rank {rank}  {q.num_params:4d} parameters  {end.fun:8.3f}")
print(f"  full rank   {FullRank(30).num_params:4d} parameters  {0.0:8.3f}")

# %% [markdown] tags=["covers: A11"]
# Each cause that is added takes away its share, and the third leaves nothing. Three causes cost 150
# parameters, the triangle 495. If you suspect what makes your unknowns hang together, a group, a
# season, a common scale, a family that has just that is worth more than one that could have
# anything.
#
# <details><summary><b>Concept 7:</b> a model has 5 global parameters, strongly correlated, and
# 10,000 local ones, nearly independent given the global ones. Which family?</summary>
#
# Not full rank: 50 million parameters for correlations of which nearly all are 0. Full rank for the
# five, and for the local ones either mean field, or mean field *given* the global ones (their means
# depend linearly on them): in $L$, five dense columns and a diagonal. Or linear response for the
# five, after a mean-field fit of all.
# </details>

# %% [markdown] tags=["covers: A15"]
# ## 10 · Where this breaks
#
# **Few frozen draws.** With frozen noise and $M$ draws, a row of $L$ with more than $M$ entries can
# turn so that *none of the draws moves*: $M$ equations, more unknowns. Then $L_{ii}$ can grow for
# ever, the average of $\log p$ stays, and the entropy grows without bound. Here $D = 10$ and $M =
# 5$:

# %% tags=["demo", "covers: A15"]
frozen = default_rng(10).standard_normal((5, 10))


def log_normal10(z):
    return np.sum(densities.normal(z), axis=-1)


print("target N(0, I) in 10 dimensions, 5 frozen draws")
for size in (1.0, 1e2, 1e4, 1e6):
    L = np.eye(10)
    turned = np.linalg.lstsq(frozen[:, :9], -size * frozen[:, 9],
                             rcond=None)[0]
    L[9, :9], L[9, 9] = turned, size
    value = full_rank.full_rank_elbo(log_normal10, np.zeros(10), L, frozen)
    fresh = default_rng(11).standard_normal((1000, 10))
    truth = full_rank.full_rank_elbo(log_normal10, np.zeros(10), L, fresh)
    print(f"L_DD = {size:9.0f}: ELBO on the frozen draws {value:7.2f}, "
          f"on fresh ones {truth:10.3g}")
print("log evidence 0: no ELBO can be above it")

# %% [markdown] tags=["covers: A15 A11"]
# An "ELBO" above the evidence, rising by $\log 100$ a line. Use more frozen draws than dimensions,
# several times as many, or mean field with linear response; and evaluate the ELBO on fresh draws.
#
# **Dependence is not correlation.** On a banana, $x \sim N(0, \text{sd} = 2)$ and $y \sim
# N(\frac12 x^2 - 2,\ \text{sd} = 1)$, the unknowns depend on each other through and through, and
# their correlation is 0 by symmetry. A Gaussian can lean, not bend.

# %% tags=["demo", "covers: A11"]
banana = oracles.Banana(0.5, 2.0)
shapes = {}
for name, family in (("mean field", MeanField(2)), ("full rank", FullRank(2))):
    fit = dadvi(banana.log_joint, family, num_draws=400, rng=default_rng(0))
    shapes[name] = (fit.mean, fit.result.cov)
    print(f"{name:10s}: mean {np.round(fit.mean, 3) + 0.0}, "
          f"sds {np.round(fit.sd, 3)}, KL "
          f"{-fit.elbo:.2f} ± {fit.elbo_se:.2f}")
print(f"exact     : mean [0. 0.], sds {banana.sd}")
fig, ax = plt.subplots(figsize=(6, 4))
plots.contours(ax, banana.log_joint, (-6, 6), (-5, 15), mass=(0.5, 0.9),
               label="p")
for (name, (mean, c)), color, line in zip(
    shapes.items(), (plots.VERMILLION, plots.BLUE), ("-", "--"), strict=True
):
    plots.ellipse(ax, mean, c, mass=0.9, color=color, linestyle=line,
                  label=name)
ax.set(xlabel="x", ylabel="y")
ax.legend(loc="upper center")
plots.show(fig, alt="A banana-shaped target open to the top. The mean-field "
           "and the full-rank ellipse are the same, small and round, and sit "
           "at the bottom of the bend.")

# %% [markdown] tags=["covers: A11 D55"]
# Full rank and mean field find the same $q$ here, less than half as wide as the target. More
# parameters, no gain. The same holds for two modes: the KL direction chooses one, leaning or not.
# What helps is another family (flows, mixtures: `vi_lib.families` has both) or other coordinates.
# Lesson 12 has diagnostics that notice.
#
# **Ill-conditioned posteriors.** At $\rho = 0.99$ the eigenvalues of $\Lambda$ are 0.5 and 100, and
# plain ascent must take steps for the larger and needs the smaller one's patience. Standardize
# inputs, start from Laplace's $L$, or take natural gradients (lesson 4), which do not see the
# condition number.
#
# **The order of the unknowns.** $LL^\top$ can be any covariance, so the optimum does not depend on
# the order. Step rules with a rate for each coordinate do, a little.
#
# ## Summary
#
# - $\Sigma_q = LL^\top$ with $L$ lower triangular and log-diagonal: $D(D+1)/2$ free numbers for
#   exactly the positive definite matrices. $\zeta = \mu + L\varepsilon$.
# - $H[q] = \sum_i\log L_{ii} + \frac D2\log 2\pi e$; $g_L =
#   \mathrm{tril}(\mathrm{mean}(g\varepsilon^\top)) + \mathrm{diag}(1/L_{ii})$.
# - On a Gaussian with $\rho = 0.8$: mean field sd 0.6, KL 0.5108; full rank exact. A published loss
#   of 0.0155 is the dance of a constant step.
# - Mean field is too narrow for each coordinate, and may be too wide for a sum. Ask which question
#   the fit is for; and an sd that is too large points to the optimiser.
# - Full rank averages slope and curvature over $q$, Laplace takes them at the mode. On skewed
#   posteriors the means differ by a good part of an sd.
# - Linear response: covariance is the response of the fit's mean to a push, $J(-H)^{-1}J^\top$.
#   Exact on Gaussians, from mean field.
# - Full rank costs $D^2/2$ parameters and their noise. A better family can give a worse fit.
#
# ## Open question (5 points)
#
# **Laplace or ADVI on a skewed posterior?** Choose a model whose posterior is skewed (not one of
# this lesson), for instance Poisson counts with few events, or a variance from few data. Say in
# which direction it is skewed and why, and in which coordinates you would put a Gaussian on it.
# What would Laplace's method, and what full-rank ADVI, get right and wrong about the mean, the sd,
# and the probability of the tail? Which would you use if the fit has to be repeated 10,000 times,
# which if a decision hangs on the tail, and how would you notice that neither is good enough? About
# ten sentences.

# %% [markdown] open="O8" points=5
# <!-- BEGIN SOLUTION -->
# Example: three failures in 500 hours, a rate $\theta$ with prior Gamma(1, 100 h). The posterior is
# Gamma(4, 600 h), skewed to the right on its own scale, because a rate cannot be negative, and to
# the left on the log scale, where the likelihood of small rates falls like a line and that of large
# ones exponentially (1 point for a model with the direction and its reason). A Gaussian needs the
# whole line, so take $\zeta = \log\theta$; ADVI requires it, and Laplace on $\theta$ would have its
# mode at $3/600$ with a part of its mass below 0 (1 point for coordinates with a reason).
#
# In $\zeta$ Laplace is centred at the mode, to the right of the mean, here by about $1/(2a) = 1/8$;
# ADVI averages the slope over $q$ and gets the mean nearly right ($1/(12a^2)$). Both have sd
# $1/\sqrt a = 0.5$, where 0.533 is exact, and both treat the tails alike, so they give too little
# to small rates and too much to large ones (1 point for mean and sd, with the averaging as the
# reason; no credit for "ADVI is more accurate" alone).
#
# For 10,000 repetitions Laplace: an optimisation with two derivatives, no noise and no step size;
# its bias is the same each time and can be worked out. For a decision on the tail neither by
# itself: importance weights with $q$ as proposal, another family, or quadrature, as there are few
# unknowns (1 point for a choice with the cost or risk named).
#
# Noticing: compare the two; if their means differ by a good part of an sd, the posterior is not
# Gaussian. Importance weights $p/q$: their spread, $\hat k$ (lesson 12), and an evidence estimate
# from them against ELBO and Laplace's estimate. Or fit in two different transforms and compare (1
# point).
# <!-- END SOLUTION -->

# %% [markdown]
# ## References
#
# - A. Kucukelbir, D. Tran, R. Ranganath, A. Gelman, D. Blei, *Automatic Differentiation Variational
#   Inference*, JMLR 18, 2017: mean-field and full-rank families with Cholesky factor, section 2.4,
#   our (1), (2); gradients, section 2.5.
# - M. Opper, C. Archambeau, *The Variational Gaussian Approximation Revisited*, Neural Computation
#   21, 2009: the fixed-point equations, our (7), and how few numbers a covariance may need.
# - E. Challis, D. Barber, *Gaussian Kullback-Leibler Approximate Inference*, JMLR 14, 2013: the
#   Cholesky parameters, and when the bound is concave in them.
# - J. Pinheiro, D. Bates, *Unconstrained parametrizations for variance-covariance matrices*,
#   Statistics and Computing 6, 1996: the logarithms on the diagonal, and alternatives.
# - R. Giordano, T. Broderick, M. Jordan, *Covariances, Robustness, and Variational Bayes*, JMLR 19,
#   2018: linear response, our (5), (6).
# - R. Giordano, M. Ingram, T. Broderick, *Black Box Variational Inference with a Deterministic
#   Objective*, JMLR 25, 2024: frozen draws, linear response on them, and why not with full rank.
# - C. Bishop, *Pattern Recognition and Machine Learning*, 2006: Laplace's approximation, section
#   4.4; the two directions on a correlated Gaussian, section 10.1.2 and figure 10.2.
# - D. MacKay, *Information Theory, Inference, and Learning Algorithms*, 2003: Laplace's method and
#   its dependence on the coordinates, chapter 27.
# - V. Ong, D. Nott, M. Smith, *Gaussian Variational Approximation With a Factor Covariance
#   Structure*, Journal of Computational and Graphical Statistics 27, 2018: the low-rank family.
# - B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, *Least Angle Regression*, Annals of Statistics
#   32, 2004: the diabetes data.
