# %% [markdown]
# # 1 · The KL divergence and the ELBO
#
# Bayesian inference asks for a posterior, and the posterior has a denominator that nobody can
# compute. Variational inference goes round it: choose a family of distributions that you *can*
# handle, and find the member that is closest to the posterior. This lesson is about the two words
# that need care in that sentence. What does *closest* mean, and how can one be close to something
# one cannot compute?
#
# **You will be able to**
#
# - compute the KL divergence in both directions, say when it is infinite, and predict what kind of
#   approximation each direction prefers;
# - derive $\log p(x) = \mathrm{ELBO} + \mathrm{KL}$ in two ways, write the ELBO in three, and say
#   what each form is good for;
# - estimate both quantities from draws, with an error bar that can be trusted, and know when it
#   cannot;
# - compute with probabilities as small as $e^{-1000}$.
#
# **Before you start:** densities, expectations, the Gaussian; NumPy arrays.
# [Lesson 0](../00_start/00_start.ipynb) shows how exercises, checks and hints work, and why a draw is
# a row.
#
# **Time** about 110 minutes · **Points** 20 for five exercises, 5 for the open question.
#
# | exercise | you write | about | difficulty | points |
# |---|---|---|---|---|
# | E1.1 | the KL divergence of two Gaussians | 15 min | ●○○ | 4 |
# | E1.2 | a KL divergence from draws, with its error | 15 min | ●●○ | 4 |
# | E1.3 | the ELBO from draws | 5 min | ●○○ | 3 |
# | E1.4 | ELBO, evidence and KL of a model you can solve | 30 min | ●●● | 6 |
# | E1.5 | the logarithm of a mean of exponentials | 15 min | ●●○ | 3 |
#
# An exercise is one function: replace `raise NotImplementedError` by your code, run the cell, then
# run the check below it. The check says which part is right and, where it can, which mistake was
# made. Everything else in this notebook runs without your answers.

# %%
import matplotlib.pyplot as plt
import numpy as np

from autograder.checks import check
from vi_lib import densities, divergences, oracles, plots
from vi_lib.flipbook import flipbook

plots.use_style()
np.set_printoptions(precision=4, suppress=True)
default_rng = np.random.default_rng

# %% [markdown]
# | symbol | in code | meaning |
# |---|---|---|
# | $x$ | `x` (N,) | the data: observed, fixed |
# | $\theta$ | `theta` (S, D) | what is unknown: S draws, one per row |
# | $p(x, \theta)$ | `log_joint` | the joint density, prior times likelihood; code holds its logarithm, (S, D) → (S,) |
# | $p(x)$ | `log_evidence` | the evidence, $\int p(x, \theta)\,d\theta$: a number, unknown in general |
# | $p(\theta \mid x)$ | | the posterior, $p(x, \theta) / p(x)$ |
# | $q(\theta)$ | `log_q` | the variational distribution: ours to choose; (S, D) → (S,) |
# | $\lambda$ | | its parameters, for a Gaussian its mean and sd |
# | $E_q[f(\theta)]$ | | $\int q(\theta) f(\theta)\, d\theta$, the average of $f$ under $q$ |
# | $\mathrm{KL}(q\,\Vert\,p)$ | `kl` | Kullback-Leibler divergence of $q$ from $p$ |
# | $\mathcal L(q)$ | `elbo` | evidence lower bound; we maximise it |
# | $N(\mu, \text{sd} = \sigma)$ | `densities.normal` | Gaussian; its second argument is always called `sd`, `var` or `prec` |
#
# Logarithms are natural, so divergences and bounds are measured in **nats**. Section 6 of
# [lesson 0](../00_start/00_start.ipynb) has the notation of all lessons on one page.

# %% [markdown] tags=["covers: F01"]
# ## 1 · A posterior we cannot normalise
#
# A sensor reports a power, that is, the *square* of the quantity we are after, with some noise. So
# the sign is lost. Before the measurement we believe that $\theta$ is about 0.5, give or take 1.5;
# then two readings come in, 3.9 and 2.5.
#
# $$\theta \sim N(0.5,\ \text{sd} = 1.5), \qquad
# x_i \mid \theta \sim N(\theta^2,\ \text{sd} = 2), \quad i = 1, 2 .$$
#
# Bayes' rule gives the posterior,
#
# $$p(\theta \mid x) = \frac{p(x, \theta)}{p(x)} = \frac{p(x \mid \theta)\, p(\theta)}{p(x)},
# \qquad p(x) = \int p(x \mid \theta)\, p(\theta)\, d\theta .$$
#
# The numerator is easy: two densities, multiplied. The denominator, the **evidence**, is an
# integral over everything we do not know. Here $\theta$ is one number, so a fine grid will do.

# %% tags=["demo", "covers: F01"]
x = np.array([3.9, 2.5])


def log_joint(theta):
    """log p(x, theta) of the sensor, (S, 1) -> (S,)."""
    log_lik = densities.normal(x, theta**2, sd=2.0).sum(axis=-1)
    return log_lik + densities.normal(theta[..., 0], 0.5, sd=1.5)


grid = np.linspace(-5.0, 5.0, 4001)
joint = np.exp(log_joint(grid[:, None]))
evidence = np.sum(joint) * (grid[1] - grid[0])
posterior = joint / evidence
log_post = np.log(posterior)

sensor = oracles.Quadrature(log_joint, start=np.array([1.8]), reach=25.0)
print(f"log p(x): grid {np.log(evidence):.6f}, "
      f"library's quadrature {sensor.log_evidence:.6f}")
print(f"posterior mean {sensor.mean[0]:.4f}, sd {sensor.sd[0]:.4f}")
right = np.sum(posterior[grid > 0]) * (grid[1] - grid[0])
print(f"probability of θ > 0: {right:.3f}")

# %% tags=["demo", "covers: F01"]
fig, (top, bottom) = plt.subplots(2, 1, figsize=(6, 5.6), sharex=True)
top.plot(grid, np.exp(densities.normal(grid, 0.5, 1.5)), "--",
         color=plots.BLUE, label="prior p(θ)")
top.plot(grid, posterior, color=plots.BLACK, label="posterior p(θ|x)")
top.set(ylabel="density", xlim=(-4, 4), ylim=(0, 0.68))
top.legend(loc="upper left")
bottom.fill_between(grid, joint, color=plots.ORANGE, alpha=0.6)
bottom.plot(grid, joint, color=plots.ORANGE, label="p(x, θ)")
bottom.annotate(f"area = p(x)\n= {evidence:.4f}", (1.6, 0.0022),
                (-3.8, 0.0042), arrowprops={"arrowstyle": "->"})
bottom.set(xlabel="θ", ylabel="joint", ylim=(0, 0.0075))
plots.show(fig, alt="Top: a broad Gaussian prior around 0.5 and the posterior "
           "with two humps, a lower one near -1.6 and a higher one near 1.7. "
           "Bottom: the joint density has the same shape, but the area under "
           "it is 0.0117, the evidence p(x).")

# %% [markdown]
# Joint and posterior have the same shape. Dividing by the area makes a density of it, and the area
# is all that was hard. Why not do this always? Count the points. One hundred per axis is not
# generous, and models have many unknowns:

# %% tags=["demo"]
for dim in (1, 2, 5, 10, 50):
    years = 100.0**dim / 1e9 / (3600 * 24 * 365.25)
    print(f"D = {dim:2d}: 100^D = 1e{2 * dim:d} points, "
          f"at a billion per second {years:.1e} years")

# %% [markdown] tags=["covers: F02 A04"]
# Grids end at three or four unknowns. The idea of **variational inference** is to replace the
# integral by a search:
#
# 1. choose a family of densities $q_\lambda(\theta)$ that are easy to draw from and to evaluate, with
#    parameters $\lambda$, for instance all Gaussians with $\lambda = (\text{mean}, \text{sd})$. Each
#    member is called a **variational distribution**;
# 2. choose a measure of how far $q_\lambda$ is from the posterior;
# 3. find the parameters for which it is smallest,
#    $\ \lambda^* = \arg\min_\lambda \mathrm{KL}\big(q_\lambda(\theta)\,\Vert\,p(\theta \mid x)\big)$;
# 4. use $q_{\lambda^*}$ wherever you would have used the posterior.
#
# <details><summary><b>Concept 1:</b> is q a prior, a likelihood or a posterior? Does it depend on
# the data?</summary>
#
# None of the three: it is no part of the model, and changing it changes no belief. It is our
# *answer* to the question what the posterior looks like. Any density would be a valid $q$, good or
# bad. It depends on the data only because we choose $\lambda$ after having seen them; its formula
# contains $\theta$ and $\lambda$ and no $x$.
# </details>

# %% [markdown] tags=["covers: F03 C06"]
# ## 2 · How far is q from p?
#
# At one point $\theta$, compare two densities by the logarithm of their ratio,
# $\log q(\theta) - \log p(\theta)$: 0 where they agree, positive where $q$ is larger. The
# **Kullback-Leibler divergence** of $q$ from $p$ is the average of this log ratio, and the average
# is taken **under $q$**:
#
# $$\boxed{\ \mathrm{KL}(q\,\Vert\,p) = E_q\big[\log q(\theta) - \log p(\theta)\big]
# = \int q(\theta) \log \frac{q(\theta)}{p(\theta)}\, d\theta\ } \tag{1}$$
#
# Single log ratios have either sign, and yet their average is never negative. The picture shows
# why: where $q$ is smaller than $p$ the log ratio is negative, but there $q$ has little weight.

# %% tags=["demo"]
q_pdf = np.exp(densities.normal(grid, 0.0, 1.0))
p_pdf = np.exp(densities.normal(grid, 1.0, 1.5))
log_ratio = densities.normal(grid, 0.0, 1.0) - densities.normal(grid, 1.0, 1.5)
integrand = q_pdf * log_ratio
dx = grid[1] - grid[0]
plus = np.sum(np.maximum(integrand, 0)) * dx
minus = np.sum(np.minimum(integrand, 0)) * dx

fig, (top, bottom) = plt.subplots(2, 1, figsize=(6, 5.6), sharex=True)
top.plot(grid, q_pdf, color=plots.BLUE, label="q = N(0, sd=1)")
top.plot(grid, p_pdf, "--", color=plots.BLACK, label="p = N(1, sd=1.5)")
top.set(ylabel="density", xlim=(-4.5, 4.5))
top.legend(loc="upper left")
bottom.fill_between(grid, np.maximum(integrand, 0), color=plots.VERMILLION,
                    alpha=0.7, label=f"q > p: +{plus:.2f}")
bottom.fill_between(grid, np.minimum(integrand, 0), color=plots.SKY,
                    alpha=0.9, hatch="//", label=f"q < p: −{-minus:.2f}")
bottom.axhline(0, color=plots.BLACK, lw=0.8)
bottom.set(xlabel="θ", ylabel="q (log q − log p)")
bottom.legend(loc="upper left", title=f"KL = {plus + minus:.3f} nats")
plots.show(fig, alt="Top: densities of q, narrow, and p, wider and further "
           "right. Bottom: q times the log ratio; a large positive area where "
           "q exceeds p, a smaller negative one where p exceeds q. Their sum, "
           "the KL divergence, is 0.350 nats.")

# %% [markdown]
# ### Never negative
#
# The logarithm lies below its tangent at 1: $\log t \le t - 1$ for all $t > 0$, with equality only
# at $t = 1$. Put $t = p(\theta)/q(\theta)$ and average under $q$. The draws of $q$ only ever visit
# places where $q > 0$, so
#
# $$-\mathrm{KL}(q\,\Vert\,p) = E_q\Big[\log\frac{p}{q}\Big]
# \;\le\; E_q\Big[\frac{p}{q} - 1\Big]
# = \int_{q > 0} q \cdot \frac{p}{q}\, d\theta - 1
# = \int_{q > 0} p\, d\theta - 1 \;\le\; 0 . \tag{2}$$
#
# Both steps are equalities only if $p = q$ wherever $q > 0$ (apart from single points), and then,
# as both integrate to 1, everywhere. So $\mathrm{KL}(q\,\Vert\,p) = 0$ means $q = p$.
#
# It is no distance, though: it is not symmetric and has no triangle inequality. That is why it is
# called a divergence, and why it is written with two bars instead of a comma.

# %% [markdown] tags=["covers: A05"]
# ### The support of q must lie within that of p
#
# In (1) the density $p$ stands in a denominator. What if it is 0?
#
# - **Where $q = 0$**, nothing happens, whatever $p$ is: $t \log t \to 0$ as $t \to 0$, and no draw
#   of $q$ comes there.
# - **Where $q > 0$ and $p = 0$**, the log ratio is $+\infty$, and if $q$ has any mass there, so is
#   the average.
#
# So $\mathrm{KL}(q\,\Vert\,p)$ is finite only if $q$ stays inside the support of $p$. Two uniform
# densities show it without any calculus. On its support $U(0, a)$ has density $1/a$, so the log
# ratio is constant:
#
# $$\mathrm{KL}\big(U(0, a)\,\Vert\,U(0, b)\big) = \begin{cases} \log (b / a) & a \le b, \\
# \infty & a > b . \end{cases}$$
#
# In practice this strikes when a Gaussian $q$ is to approximate the posterior of a standard
# deviation: half of such a $q$ may lie below 0, where the posterior is 0. The cure is to change
# variables first (lesson 7).

# %% tags=["demo", "covers: A05"]
def uniform(width):
    """Log density of U(0, width), (S, 1) -> (S,)."""
    def log_density(theta):
        inside = (theta[:, 0] >= 0) & (theta[:, 0] <= width)
        return np.where(inside, -np.log(width), -np.inf)
    return log_density


rng = default_rng(10)
for a, b in ((1.0, 2.0), (2.0, 1.0)):
    draws = rng.uniform(0, a, size=(1000, 1))
    kl, _ = divergences.kl_monte_carlo(uniform(a), uniform(b), draws)
    print(f"KL(U(0, {a:g}) || U(0, {b:g})): 1000 draws give {kl:.4f}, "
          f"exact {np.log(b / a) if a <= b else np.inf:.4f}")

# %% [markdown]
# <details><summary><b>Concept 2:</b> which is infinite, KL(N‖U) or KL(U‖N), for a Gaussian N and a
# uniform density U on an interval?</summary>
#
# $\mathrm{KL}(N\,\Vert\,U)$ is infinite: a Gaussian has mass outside every interval, and there
# $U = 0$. $\mathrm{KL}(U\,\Vert\,N)$ is finite: the support of $U$ lies within that of $N$, which
# is the whole line.
# </details>
#
# ### Two Gaussians
#
# For $q = N(\mu_q, \text{sd} = \sigma_q)$ and $p = N(\mu_p, \text{sd} = \sigma_p)$ everything can
# be done by hand. Write down the log ratio; the $\frac12 \log 2\pi$ cancel:
#
# $$\log q - \log p = \log\frac{\sigma_p}{\sigma_q}
# - \frac{(\theta - \mu_q)^2}{2\sigma_q^2} + \frac{(\theta - \mu_p)^2}{2\sigma_p^2} .$$
#
# Average each term under $q$. The first is a constant. For the second, $E_q[(\theta - \mu_q)^2]$ is
# the variance of $q$, $\sigma_q^2$, so it becomes $-\frac12$. For the third, insert $\mu_q$ and
# multiply out:
#
# $$E_q[(\theta - \mu_p)^2] = E_q\big[\big((\theta - \mu_q) + (\mu_q - \mu_p)\big)^2\big]
# = \sigma_q^2 + 2\,(\mu_q - \mu_p) \underbrace{E_q[\theta - \mu_q]}_{=\,0}
# + (\mu_q - \mu_p)^2 .$$
#
# Put the three together and you have the formula of the first exercise. Check it in your head:
# what must come out for $\mu_q = \mu_p$ and $\sigma_q = \sigma_p$? In which units is the gap
# between the means measured?
#
# ### Exercise 1.1 · The KL divergence of two Gaussians (4 points)
#
# Complete the derivation and write the result as a function. The arguments may be single numbers or
# arrays that broadcast against each other, also of whole numbers; return one KL divergence for each
# pair, without adding them up. `sd_q` and `sd_p` are standard deviations.

# %% exercise="E1.1"
def gaussian_kl(mu_q, sd_q, mu_p, sd_p):
    """Return KL(q || p) of q = N(mu_q, sd_q**2) from p = N(mu_p, sd_p**2).

    mu_q, sd_q, mu_p, sd_p: numbers, or arrays that broadcast; sds > 0.
    Returns the divergence in nats, elementwise, in the broadcast shape.
    """
    ### BEGIN SOLUTION
    gap = mu_q - mu_p
    expected_square = sd_q**2 + gap**2
    return np.log(sd_p / sd_q) + expected_square / (2 * sd_p**2) - 0.5
    ### END SOLUTION

# %% check="E1.1" seed=1101

# %% [markdown] tags=["covers: A04"]
# ## 3 · Two directions, two kinds of answer
#
# $\mathrm{KL}(q\,\Vert\,p)$ and $\mathrm{KL}(p\,\Vert\,q)$ are different numbers, and they want
# different things. Here is the posterior of the sensor again, and a Gaussian $q$ of sd 0.5 that you
# can move. **Before you touch the slider, guess:** where will each of the two divergences be
# smallest?

# %% tags=["demo", "covers: A04"]
def both_kls(mean, sd):
    """KL(q||p) and KL(p||q) of q = N(mean, sd) and the posterior."""
    log_q = densities.normal(grid, mean, sd)
    ratio = log_q - log_post
    reverse = np.sum(np.exp(log_q) * ratio) * dx
    return reverse, -np.sum(posterior * ratio) * dx


places = np.linspace(-2.6, 2.6, 27)
curves = np.array([both_kls(m, 0.5) for m in places])


def moved(fig, m):
    top, bottom = fig.subplots(2, 1, sharex=True)
    top.fill_between(grid, posterior, color=plots.BLACK, alpha=0.2)
    top.plot(grid, posterior, color=plots.BLACK, label="p(θ|x)")
    top.plot(grid, np.exp(densities.normal(grid, m, 0.5)),
             color=plots.BLUE, label="q")
    top.set(xlim=(-4, 4), ylim=(0, 0.95), ylabel="density")
    top.legend(loc="upper left")
    for curve, now, name, color, style in zip(
        curves.T, both_kls(m, 0.5), ("KL(q‖p)", "KL(p‖q)"),
        (plots.VERMILLION, plots.GREEN), ("-", "--"), strict=True
    ):
        bottom.plot(places, curve, style, color=color, label=name)
        bottom.plot(m, now, "o", color=color, ms=9)
    bottom.set(ylim=(0.3, 60), yscale="log", ylabel="nats",
               xlabel="θ; below: mean of q")
    bottom.set_yticks([0.5, 1, 2, 5, 10, 20], ["0.5", *"125", "10", "20"])
    bottom.minorticks_off()
    bottom.legend(loc="upper center", ncols=2)


flipbook(
    moved, places, label="mean of q = {:+.1f}", start=3, figsize=(6.0, 5.6),
    alt="A posterior with two humps and a narrow Gaussian q that moves from "
        "left to right over it. KL(q||p) has two valleys, one at each hump, "
        "with a hill between them. KL(p||q) has a single valley, between the "
        "humps."
)

# %% tags=["demo"]
for name, curve in zip(("KL(q||p)", "KL(p||q)"), curves.T, strict=True):
    best = np.argmin(curve)
    print(f"{name}: smallest, {curve[best]:.2f} nats, at mean "
          f"{places[best]:+.1f}; at {places[6]:.1f} {curve[6]:.2f}, "
          f"at 0.0 {curve[13]:.2f}")

# %% [markdown]
# Both surprises come from the question **under which density is averaged**.
#
# - $\mathrm{KL}(q\,\Vert\,p) = E_q[\log q - \log p]$ is measured where $q$ has its mass. Where $p$
#   is small and $q$ is not, the log ratio is large: $q$ pays. Where $p$ is large and $q$ is small,
#   nobody looks. So $q$ flees from the valley of $p$ into a hump: **zero-forcing**, or
#   mode-seeking. This direction is called *reverse* or exclusive.
# - $\mathrm{KL}(p\,\Vert\,q) = E_p[\log p - \log q]$ is measured where $p$ has its mass. A hump
#   that $q$ misses costs a lot, mass of $q$ in the valley costs little. So $q$ stretches over
#   everything: **mass-covering**. This direction is called *forward* or inclusive.
#
# Now let the sd free as well and find the best Gaussian for each direction. For the forward one
# there is a formula: only $-E_p[\log q]$ depends on $q$, and it is smallest if $q$ has the mean and
# the variance of $p$ (set the derivatives in $\mu$ and $\sigma$ to 0). The reverse one needs a
# search, and where that ends depends on the start.

# %% tags=["demo", "covers: A04"]
def log_p_1d(theta):
    return log_joint(theta[:, None])


fits = {
    "reverse, start left": divergences.project_reverse(log_p_1d, -1.8, 0.4),
    "reverse, start right": divergences.project_reverse(log_p_1d, 1.8, 0.4),
    "forward": divergences.project_forward(log_p_1d, -5.0, 5.0),
}
print(f"{'':22s}  mean     sd    KL(q||p)  KL(p||q)")
for name, (mean, sd) in fits.items():
    there, back = both_kls(mean, sd)
    print(f"{name:22s}{mean:6.3f}  {sd:.3f}  {there:8.3f}  {back:8.3f}")
print(f"{'exact posterior':22s}{sensor.mean[0]:6.3f}  {sensor.sd[0]:.3f}")

# %% tags=["demo"]
fig, ax = plt.subplots(figsize=(6, 3.8))
ax.fill_between(grid, posterior, color=plots.BLACK, alpha=0.2,
                label="p(θ|x)")
for (name, (mean, sd)), color, style in zip(
    fits.items(), (plots.SKY, plots.VERMILLION, plots.GREEN),
    ("-.", "-", "--"), strict=True
):
    ax.plot(grid, np.exp(densities.normal(grid, mean, sd)), style,
            color=color, label=name)
ax.set(xlabel="θ", ylabel="density", xlim=(-4, 4), ylim=(0, 1.35))
ax.legend(loc="upper left", fontsize=11)
plots.show(fig, alt="The two-humped posterior with three Gaussians: two "
           "narrow ones, one on each hump, which minimise the reverse KL "
           "locally, and one broad one over both humps with its centre in "
           "the valley, which minimises the forward KL.")

# %% [markdown]
# Neither answer is wrong. The forward fit has the right mean and the right sd, and puts its highest
# density where the posterior has a valley. The reverse fits describe one hump well and do not know
# of the other; of the two, the right one is better (compare the column KL(q||p)). Each fit is best
# by its own measure only. Notice the sds, too: those of the reverse
# fits are less than half of the exact one.
#
# Variational inference nearly always takes the **reverse** direction,
# $\lambda^* = \arg\min_\lambda \mathrm{KL}(q_\lambda\,\Vert\,p)$. Not because mode-seeking is better, but
# because averages under $q$ can be computed: we chose $q$ so that we can draw from it. Averages
# under the posterior are what we do not have.
#
# > **Spot the error.** A post about ADVI prints its goal as
# > $\phi^* = \arg\min \arg\max_\phi\, \mathrm{KL}\big(q_\phi(\theta)\,\Vert\,p(\theta \mid x)\big)$.
# > Elsewhere it says that the Gaussian it finds "covers the posterior".
# >
# > <details><summary>Answer</summary>
# >
# > One operator too many: $\arg\min_\phi$ of the KL, or $\arg\max_\phi$ of the ELBO, which is the
# > same (section 5), but not both. And $\mathrm{KL}(q\,\Vert\,p)$ does not cover: it punishes a $q$
# > that is too wide far more than one that is too narrow.
# > </details>
#
# <details><summary><b>Concept 3:</b> you must deliver one number θ, and the posterior is that of
# the sensor. Would you report the mean of the forward or of the reverse fit?</summary>
#
# It depends on the loss. For squared error the posterior mean is best, so forward; although hardly
# any probability lies near 0.5. If the answer must be a *plausible* value (a setting of a machine,
# say), one hump is better than the valley between two: reverse. The number alone hides that there
# are two stories; the best report is the picture.
# </details>

# %% [markdown] tags=["covers: C06 C07"]
# ## 4 · The KL divergence from draws
#
# A closed form is a lucky case. But (1) is an average under $q$, and an average under $q$ can be
# estimated by drawing from $q$:
#
# $$\mathrm{KL}(q\,\Vert\,p) \approx \frac1S \sum_{s=1}^S r_s, \qquad
# r_s = \log q(\theta_s) - \log p(\theta_s), \qquad \theta_1, \dots, \theta_S \sim q . \tag{3}$$
#
# Two things to notice. The factor $q(\theta)$ of the integral is gone: the draws stand for it. And
# the sign is ≈ and not =, because the right-hand side is a random number. How random? The draws are
# independent, so the variance of their mean is
#
# $$\mathrm{Var}\Big(\frac1S \sum_s r_s\Big) = \frac{1}{S^2} \sum_s \mathrm{Var}(r_s)
# = \frac{\mathrm{Var}(r)}{S}, \qquad
# \text{standard error} = \frac{\mathrm{sd}(r)}{\sqrt S},$$
#
# and the sd of $r$ can be estimated from the same draws. The **standard error** tells how far the
# estimate is typically off, in nats. Half the error costs four times the draws.
#
# ### Exercise 1.2 · A Monte Carlo estimate with its error (4 points)
#
# Return the estimate (3) and its standard error. `log_q` and `log_p` are functions that take rows,
# (S, D) → (S,), and `theta` (S, D) are draws from $q$, at least two. For the sd you may divide by
# $S - 1$ or by $S$. If $p$ is 0 at one of the draws, `log_p` is `-inf` there and the estimate is
# `inf`; what you give as its error does not matter then. Another unbiased estimator of the same
# divergence is right as well, if its standard error is right.

# %% exercise="E1.2"
def kl_monte_carlo(log_q, log_p, theta):
    """Estimate KL(q || p) from draws of q.

    log_q, log_p: log densities, (S, D) -> (S,), in nats.
    theta: (S, D), draws from q, S >= 2.
    Returns (estimate, std_error), two numbers in nats.
    """
    ### BEGIN SOLUTION
    log_ratio = log_q(theta) - log_p(theta)
    std_error = np.std(log_ratio, ddof=1) / np.sqrt(len(theta))
    return np.mean(log_ratio), std_error
    ### END SOLUTION

# %% check="E1.2" seed=1201

# %% [markdown] tags=["covers: C07"]
# ### An error bar that can be trusted
#
# An error bar is a promise: the truth lies within two standard errors in 95 of 100 cases. For two
# Gaussians we know the truth, so we can hold the promise against it.

# %% tags=["demo", "covers: C07"]
def log_q_gauss(theta):
    return densities.normal(theta[:, 0], 0.0, 1.0)


def log_p_gauss(theta):
    return densities.normal(theta[:, 0], 1.0, 1.5)


exact = divergences.gaussian_kl(0.0, 1.0, 1.0, 1.5)
sizes = (10, 30, 100, 300, 1000, 3000, 10_000)
runs = {}
for size in sizes:
    rng = default_rng([4, size])
    runs[size] = np.array([
        divergences.kl_monte_carlo(
            log_q_gauss, log_p_gauss, rng.standard_normal((size, 1))
        )
        for _ in range(400)
    ])
print(f"exact KL {exact:.4f} nats")
for size, found in runs.items():
    inside = np.abs(found[:, 0] - exact) < 2 * found[:, 1]
    print(f"S = {size:6d}: first estimate {found[0, 0]:7.4f} "
          f"± {found[0, 1]:.4f}, sd of 400 estimates "
          f"{np.std(found[:, 0]):.4f}, within 2 errors: {inside.mean():.1%}")

# %% tags=["demo"]
fig, ax = plt.subplots(figsize=(6, 3.8))
spots = np.repeat(np.arange(len(sizes)), 6) + np.tile(
    np.linspace(-0.3, 0.3, 6), len(sizes)
)
first = np.concatenate([found[:6] for found in runs.values()])
misses = np.abs(first[:, 0] - exact) > 2 * first[:, 1]
for rows, color, marker in ((~misses, plots.BLUE, "o"),
                            (misses, plots.VERMILLION, "s")):
    ax.errorbar(spots[rows], first[rows, 0], 2 * first[rows, 1], fmt=marker,
                color=color, ms=4, lw=1.2)
ax.axhline(exact, color=plots.BLACK, ls="--", lw=1.5, label="exact KL")
ax.set_xticks(range(len(sizes)), [f"{size:,}" for size in sizes])
ax.set(xlabel="draws S", ylabel="KL(q‖p), nats")
ax.legend(loc="upper right")
print("bars that miss the exact value:", np.sum(misses), "of", len(misses))
plots.show(fig, alt="Six estimates with error bars of two standard errors "
           "for each of seven numbers of draws from 10 to 10,000. The bars "
           "shrink by about a factor 3 for each tenfold number of draws and "
           "nearly all of them contain the dashed exact value; the few that "
           "miss it are drawn as squares.")

# %% [markdown]
# From a hundred draws on the promise is kept. With ten it is not: the terms are skewed, and their
# sd is a rough guess itself. Notice that estimates may be **negative**, although the divergence is
# not. That is no bug; cutting them off at 0 would make the average wrong.
#
# <details><summary><b>Concept 4:</b> an estimate from 1000 draws has a standard error of 0.02 nats.
# You want 0.001. How many draws?</summary>
#
# 20 times smaller needs $20^2 = 400$ times the draws: 400,000. Monte Carlo gives one or two digits
# cheaply and each further digit at a hundred times the price.
# </details>

# %% [markdown] tags=["covers: X52 X08"]
# > **Spot the error.** A model course (a notebook on expectations under
# > $N(\mu = \phi^3,\ \text{sd} = e^{\phi})$) lets its readers estimate $E[x^2 + \sin x]$ at
# > $\phi = 0.5$ from ten million draws and compare with "True value: 2.7650801613563116". And a set
# > of slides writes $E_q[f] = \frac1M \sum_m f(\theta_m)$. What is wrong with both?

# %% tags=["demo", "covers: X52"]
mu, sd = 0.5**3, np.exp(0.5)
true = mu**2 + sd**2 + np.sin(mu) * np.exp(-(sd**2) / 2)
draws = mu + sd * default_rng(0).standard_normal(400_000)
spread = np.std(draws**2 + np.sin(draws))
print(f"exact {true:.7f}, printed as true 2.7650802, off by "
      f"{2.7650801613563116 - true:.5f}")
print(f"standard error of an average of 1e7 draws {spread / 1e7**0.5:.5f}")

# %% [markdown]
# > <details><summary>Answer</summary>
# >
# > The "true value" is itself one Monte Carlo average. Its fourth decimal is wrong, as its standard
# > error would have told, and the twelve after it are noise. Print an estimate with its error and
# > only as many digits as that allows; compare with an exact value where there is one (here there
# > is: $E[x^2] = \mu^2 + \sigma^2$ and $E[\sin x] = \sin(\mu)\, e^{-\sigma^2/2}$). And an average
# > of draws does not *equal* an expectation: write ≈.
# > </details>

# %% [markdown] tags=["covers: F03 F04 B26 B13"]
# ## 5 · The ELBO
#
# We want a small $\mathrm{KL}\big(q(\theta)\,\Vert\,p(\theta \mid x)\big)$. But to compute it we
# need the posterior, with the evidence in it. Let us look at how exactly it enters. Insert Bayes'
# rule, $\log p(\theta \mid x) = \log p(x, \theta) - \log p(x)$, into the definition:
#
# $$\begin{aligned}
# \mathrm{KL}\big(q\,\Vert\,p(\cdot \mid x)\big)
# &= E_q\big[\log q(\theta) - \log p(\theta \mid x)\big] && \text{definition} \\
# &= E_q\big[\log q(\theta) - \log p(x, \theta) + \log p(x)\big] && \text{Bayes' rule} \\
# &= E_q\big[\log q(\theta) - \log p(x, \theta)\big] + \log p(x)
# && \log p(x) \text{ does not contain } \theta .
# \end{aligned}$$
#
# The unknown evidence has come out as a plain constant. What is left contains only things that we
# can evaluate. Give minus this expectation a name,
#
# $$\boxed{\ \mathcal L(q) = E_q\big[\log p(x, \theta) - \log q(\theta)\big]\ } \tag{4}$$
#
# and the line above reads
#
# $$\boxed{\ \log p(x) = \mathcal L(q) + \mathrm{KL}\big(q\,\Vert\,p(\cdot \mid x)\big)\ } \tag{5}$$
#
# for **every** $q$. Since $\mathrm{KL} \ge 0$, $\mathcal L(q) \le \log p(x)$: it is a lower bound
# of the log evidence, hence **evidence lower bound, ELBO**, with equality exactly if $q$ is the
# posterior. And since the left-hand side does not depend on $q$, what is gained in the ELBO is lost
# in the KL: **maximising the ELBO is minimising the KL divergence**, which we still cannot compute.
#
# Move $q$ in the picture. The model is a Gaussian mean with five observations (section 6), so
# everything in it is exact.

# %% tags=["demo", "covers: B26 F05 F06"]
data = np.array([1.2, 2.1, 0.4, 1.9, 2.6])
model = {"prior_mean": 0.0, "prior_sd": 1.5, "lik_sd": 1.0}
exact_q = oracles.NormalNormal(data, **model)
post_mean, post_sd = exact_q.mean[0], exact_q.sd[0]
steps = np.linspace(0.0, 1.0, 13)


def on_the_way(w):
    """Mean and sd of q: at w = 0 a bad start, at w = 1 the posterior."""
    start_mean, start_sd = -0.6, 1.1
    mean = start_mean + w * (post_mean - start_mean)
    return mean, start_sd * (post_sd / start_sd) ** w


for w in steps[::3]:
    mean, sd = on_the_way(w)
    elbo, log_evidence, kl = divergences.elbo_normal_mean(
        data, *model.values(), mean, sd
    )
    print(f"q = N({mean:6.3f}, sd {sd:.3f}): ELBO {elbo:8.4f}, "
          f"KL {kl:7.4f}, sum {elbo + kl:.4f}")
print(f"posterior N({post_mean:.3f}, sd {post_sd:.3f}), "
      f"log p(x) = {log_evidence:.4f}")

# %% tags=["demo", "covers: B26 F05 F06"]
mu_grid = np.linspace(-3.0, 4.0, 401)


def split(fig, w):
    left, bar = fig.subplots(1, 2, width_ratios=(2, 1))
    mean, sd = on_the_way(w)
    left.fill_between(
        mu_grid, np.exp(densities.normal(mu_grid, post_mean, post_sd)),
        color=plots.BLACK, alpha=0.2
    )
    left.plot(mu_grid, np.exp(densities.normal(mu_grid, mean, sd)),
              color=plots.BLUE)
    left.text(post_mean, 1.02, "p(μ|x)", ha="center")
    left.text(-2.8, 0.85, f"q = N({mean:.2f},\n sd {sd:.2f})",
              color=plots.BLUE)
    left.set(xlabel="μ", ylim=(0, 1.15), yticks=[])
    elbo, log_evidence, kl = divergences.elbo_normal_mean(
        data, *model.values(), mean, sd
    )
    floor = -26.0
    bar.bar(0, elbo - floor, bottom=floor, color=plots.BLUE)
    bar.bar(0, kl, bottom=elbo, color=plots.ORANGE, hatch="//",
            edgecolor="white")
    bar.axhline(log_evidence, color=plots.BLACK, ls="--", lw=1.5)
    bar.set_title(f"log p(x) = {log_evidence:.2f}", fontsize=12)
    bar.text(0, 0.5 * (floor + elbo), f"ELBO\n{elbo:.2f}", ha="center",
             va="center", color="white")
    if kl > 1.5:
        bar.text(0, elbo + 0.5 * kl, f"KL {kl:.2f}", ha="center",
                 va="center", bbox={"fc": "white", "ec": "none", "pad": 1})
    else:
        bar.text(0.45, elbo, f"KL {kl:.2f}", va="top", fontsize=12)
    bar.set(xlim=(-0.6, 1.6), ylim=(floor, -7), xticks=[], ylabel="nats")


flipbook(
    split, steps, label="{:.0%} of the way", figsize=(6.0, 3.8),
    alt="Left: q moves from a bad start to the exact posterior and narrows. "
        "Right: a bar whose top is the log evidence, -7.86 nats, at the same "
        "height in all frames. It is split into the ELBO below and the KL "
        "divergence above; the ELBO grows and the KL shrinks to 0."
)

# %% [markdown] tags=["covers: F04"]
# The top of the bar never moves. We push the boundary upwards without knowing where the top is.
#
# <details><summary><b>Concept 5: put the proof in order.</b> (a) move log p(x) out of the
# expectation; (b) name the rest −ELBO; (c) write the KL divergence of q from the posterior as an
# expectation under q; (d) conclude ELBO ≤ log p(x), since KL ≥ 0; (e) replace log p(θ|x) by
# log p(x, θ) − log p(x).</summary>
#
# c, e, a, b, d. Step (a) is where the evidence stops being a problem: it does not contain $\theta$,
# and $E_q[\text{constant}]$ is the constant, because $q$ integrates to 1. Only step (d) needs a
# property of the KL divergence; the identity itself is pure algebra.
# </details>

# %% [markdown] tags=["covers: F05"]
# ### The same bound by Jensen's inequality
#
# The second derivation starts from the evidence. Multiply and divide by $q$ under the integral, and
# it becomes an average under $q$ (for a $q$ that is positive wherever the joint is); then use that
# the logarithm is concave, so that the logarithm of an average is at least the average of the
# logarithms:
#
# $$\log p(x) = \log \int q(\theta)\, \frac{p(x, \theta)}{q(\theta)}\, d\theta
# = \log E_q\Big[\frac{p(x, \theta)}{q(\theta)}\Big]
# \;\ge\; E_q\Big[\log \frac{p(x, \theta)}{q(\theta)}\Big] = \mathcal L(q) .$$
#
# Shorter, but it does not say how much is lost. Equation (5) does: exactly
# $\mathrm{KL}(q\,\Vert\,p(\cdot \mid x))$. On the other hand it shows a second way to estimate
# $\log p(x)$: the logarithm of the *average* ratio. Section 7 comes back to it.

# %% [markdown] tags=["covers: B13 B27 C05"]
# ### One number, three readings
#
# Split the joint in different ways, and (4) can be read in three ways.
#
# $$\begin{aligned}
# \mathcal L(q) &= E_q[\log p(x, \theta)] + H[q] && \text{energy and entropy} \\
# &= E_q[\log p(x \mid \theta)] - \mathrm{KL}\big(q\,\Vert\,p(\theta)\big) && \text{fit and penalty}
# \\ &= \log p(x) - \mathrm{KL}\big(q\,\Vert\,p(\theta \mid x)\big) && \text{bound and gap}
# \end{aligned}$$
#
# - **Energy and entropy.** $H[q] = -E_q[\log q]$ is the entropy of $q$. The first term alone would
#   pull $q$ into a spike at the highest point of the joint; the entropy rewards width.
# - **Fit and penalty.** With $\log p(x, \theta) = \log p(x \mid \theta) + \log p(\theta)$: explain
#   the data, but do not move further from the prior than they are worth. This is the form of the
#   variational autoencoder (lesson 11).
# - **Bound and gap.** What we are really after; of no use for computing.
#
# There are two KL divergences here, one from the **prior** and one from the **posterior**. The
# first is a term of the ELBO, the second what is missing from it.

# %% tags=["demo", "covers: B27 C05"]
mean, sd = on_the_way(0.5)
log_lik = np.sum(densities.normal(data, mean, 1.0)) - len(data) * sd**2 / 2
log_prior = densities.normal(mean, 0.0, 1.5) - sd**2 / (2 * 1.5**2)
entropy = 0.5 * np.log(2 * np.pi * np.e * sd**2)
kl_prior = divergences.gaussian_kl(mean, sd, 0.0, 1.5)
kl_post = divergences.gaussian_kl(mean, sd, post_mean, post_sd)
print(f"energy + entropy  {log_lik + log_prior:9.5f} + {entropy:.5f} "
      f"= {log_lik + log_prior + entropy:.5f}")
print(f"fit - penalty     {log_lik:9.5f} - {kl_prior:.5f} "
      f"= {log_lik - kl_prior:.5f}")
print(f"bound - gap       {log_evidence:9.5f} - {kl_post:.5f} "
      f"= {log_evidence - kl_post:.5f}")

# %% [markdown] tags=["covers: X34 X48 C05"]
# > **Spot the error.** A tutorial derives
# > $$\mathrm{KL}(q\,\Vert\,p(\cdot \mid x)) = -\int q \log\frac{p(x, \theta)}{q}\, d\theta + \log p(x)$$
# > and continues: "the first term is called the ELBO, and we minimise it". A second one writes
# > $\mathcal L = E_q[\log p(x \mid \theta)] + \mathrm{KL}(q\,\Vert\,p(\theta))$, and before that
# > $\int q\,\frac{p}{q}\,d\theta = E[\tfrac pq]\, d\theta$. Find four mistakes.
# >
# > <details><summary>Answer</summary>
# >
# > 1. The first term is **minus** the ELBO. Minimising *it* is fine; its name is not. Programs that
# >    minimise call it the loss.
# > 2. The KL from the prior is a penalty: **minus**. With a plus the best $q$ would run away from
# >    the prior as far as it can.
# > 3. The logarithm is missing: $\int q \log\frac pq\, d\theta$. As printed, the integral is
# >    $\int p\, d\theta$, the same for every $q$.
# > 4. An expectation has been integrated already: no $d\theta$ is left.
# >
# > A sign can be tested without any theory: print the ELBO of two $q$, one of them clearly bad.
# > </details>
#
# ### Exercise 1.3 · The ELBO from draws (3 points)
#
# Estimate (4) from draws of $q$: `log_joint` and `log_q` take rows, (S, D) → (S,), and `theta`
# (S, D) are draws from $q$, perhaps a single one. Return one number, the average.
#
# Before you run the check, think: if $q$ happens to be the exact posterior, how much does the
# result vary from one set of draws to the next?

# %% exercise="E1.3"
def elbo_monte_carlo(log_joint, log_q, theta):
    """Estimate the ELBO of q from draws of q.

    log_joint: log p(x, theta), (S, D) -> (S,), in nats.
    log_q: log density of the draws, (S, D) -> (S,).
    theta: (S, D), draws from q, S >= 1.
    Returns one number, in nats.
    """
    ### BEGIN SOLUTION
    return np.mean(log_joint(theta) - log_q(theta))
    ### END SOLUTION

# %% check="E1.3" seed=1301

# %% [markdown] tags=["covers: F10"]
# The answer: not at all. If $q = p(\cdot \mid x)$, then
# $\log p(x, \theta) - \log q(\theta) = \log p(x)$ at *every* $\theta$: one draw is enough. The
# nearer $q$ is to the posterior, the less the terms vary, and the cheaper the estimate. Lesson 6
# builds a gradient estimator on this.

# %% tags=["demo", "covers: F10 B13"]
def log_joint_mean(mu):
    """The model of the bar picture, (S, 1) -> (S,)."""
    log_lik = np.sum(densities.normal(data, mu, 1.0), axis=-1)
    return log_lik + densities.normal(mu[..., 0], 0.0, 1.5)


print("S = 20 draws        ELBO from draws   exact ELBO  sd of one term")
for w in (0.0, 0.5, 0.8, 0.95, 1.0):
    mean, sd = on_the_way(w)

    def log_q(mu, mean=mean, sd=sd):
        return densities.normal(mu[..., 0], mean, sd)

    mu = mean + sd * default_rng(13).standard_normal((20, 1))
    terms = log_joint_mean(mu) - log_q(mu)
    found = divergences.elbo_monte_carlo(log_joint_mean, log_q, mu)
    exact_elbo, _, _ = divergences.elbo_normal_mean(
        data, *model.values(), mean, sd
    )
    print(f"{w:4.0%} of the way: {found:9.4f} ± "
          f"{np.std(terms, ddof=1) / 20**0.5:.4f}  {exact_elbo:10.4f}"
          f"  {np.std(terms, ddof=1):12.4f}")

# %% [markdown] tags=["covers: X18 F06"]
# ### What the ELBO does not tell
#
# The ELBO of one $q$, by itself, says little: $-9$ may be close to the evidence or far below, since
# the evidence is unknown. *Differences* count: between two $q$ for the same model and data, the
# difference of the ELBOs is exactly the difference of the KLs. For two **models** it is not. Let
# the noise sd of our Gaussian model be a parameter that is learned along with $q$:

# %% tags=["demo", "covers: X18 F06"]
noise = np.linspace(0.45, 2.2, 71)
fixed_q = (1.2, 0.65)
bounds, tops, gaps = np.array([
    divergences.elbo_normal_mean(data, 0.0, 1.5, sd, *fixed_q)
    for sd in noise
]).T
fig, ax = plt.subplots(figsize=(6, 3.8))
ax.plot(noise, tops, "--", color=plots.BLACK, label="log p(x)")
ax.fill_between(noise, bounds, tops, color=plots.ORANGE, alpha=0.4,
                hatch="//", edgecolor="white", label="KL")
ax.plot(noise, bounds, color=plots.BLUE, label="ELBO")
for curve, best, marker in ((bounds, np.argmax(bounds), "o"),
                            (bounds, np.argmin(gaps), "s")):
    ax.plot(noise[best], curve[best], marker, color=plots.BLUE, ms=9)
ax.annotate("highest ELBO", (noise[np.argmax(bounds)], np.max(bounds)),
            (0.8, -12.5), arrowprops={"arrowstyle": "->"})
ax.annotate("smallest KL",
            (noise[np.argmin(gaps)], bounds[np.argmin(gaps)]),
            (1.5, -11.5), arrowprops={"arrowstyle": "->"})
ax.set(xlabel="noise sd of the model", ylabel="nats", ylim=(-13.5, -6))
ax.legend(loc="upper right", ncols=3)
for name, best in (("highest ELBO", np.argmax(bounds)),
                   ("smallest KL ", np.argmin(gaps))):
    print(f"{name} at noise sd {noise[best]:.3f}: ELBO {bounds[best]:.3f}, "
          f"KL {gaps[best]:.3f}, log p(x) {tops[best]:.3f}")
plots.show(fig, alt="Log evidence, dashed, and ELBO of one fixed q against "
           "the noise sd of the model. Both rise and fall; the gap between "
           "them, the KL divergence, is smallest at a larger noise sd than "
           "that at which the ELBO is highest.")

# %% [markdown]
# > **Spot the error.** "Training maximises the ELBO, and by
# > $\log p(x) = \mathrm{ELBO} + \mathrm{KL}$ it therefore minimises the KL divergence from the
# > posterior." Said of a model whose own parameters are learned at the same time.
# >
# > <details><summary>Answer</summary>
# >
# > True for a fixed model only. If the model changes, so do $\log p(x)$ and the posterior itself:
# > the top of the bar moves. In the figure the ELBO is highest at a noise sd at which the KL is
# > larger than elsewhere. Maximising over the model finds a compromise between a high evidence and
# > a posterior that $q$ can imitate; such fits prefer models with simple posteriors.
# > </details>

# %% [markdown] tags=["covers: B25"]
# ### Variational inference and its alternative
#
# The other way to deal with an unknown evidence is Markov chain Monte Carlo (MCMC): draws that
# wander through the posterior, for which only ratios of the joint are needed. Textbooks compare the
# two in a table like this one. **Find a counterexample to each line** before you unfold the
# answers.
#
# | line | variational inference | MCMC |
# |---|---|---|
# | 1 | is an optimisation, hence fast | is a simulation, hence slow |
# | 2 | is biased: $q$ is never the posterior | is exact |
# | 3 | underestimates variances | gets them right |
# | 4 | scales to large data | needs all data at every step |
# | 5 | gives a bound on the evidence | gives only draws |
#
# <details><summary>Counterexamples</summary>
#
# 1. A hard optimisation with noisy gradients (lesson 5) may take longer than a well-tuned sampler
#    on a small model.
# 2. If the family contains the posterior, VI is exact: the bar above ended with KL = 0. And MCMC is
#    exact only for an infinite run: a chain that has not found the second hump of the sensor's
#    posterior is as wrong as the reverse fit, without a bound that says so.
# 3. The forward direction does not, as section 3 shows. And the way of optimising can
#    *over*estimate them (lesson 7).
# 4. Each step of plain coordinate ascent (lesson 2) needs all data as well; minibatches are an idea
#    of their own (lesson 4), and samplers with minibatches exist.
# 5. True of plain MCMC, but bridge and annealed importance sampling estimate the evidence from
#    chains.
#
# The table is a fair summary of tendencies, and no law.
# </details>

# %% [markdown] tags=["covers: F01 F04 F05 B26 B27"]
# ## 6 · A model where everything is known
#
# To trust a formula one must hold it against numbers. The **normal mean** is a model in which ELBO,
# evidence, posterior and KL all have closed forms, found by three different computations; so
# $\log p(x) = \mathcal L + \mathrm{KL}$ becomes a test.
#
# $$\mu \sim N(\mu_0,\ \text{sd} = \sigma_0), \qquad x_i \mid \mu \sim N(\mu,\ \text{sd} = \sigma),
# \quad i = 1, \dots, N, \qquad q(\mu) = N(m,\ \text{sd} = s) .$$
#
# **The ELBO.** Average $\log p(x \mid \mu) + \log p(\mu) - \log q(\mu)$ under $q$, term by term. As
# in section 2, $E_q[(x_i - \mu)^2] = (x_i - m)^2 + s^2$: the uncertainty of $\mu$ counts in *every*
# one of the $N$ squares.
#
# $$\begin{aligned}
# E_q \log p(x \mid \mu) &= -\frac N2 \log(2\pi\sigma^2)
#   - \frac{1}{2\sigma^2} \sum_{i=1}^N \big[(x_i - m)^2 + s^2\big], \\
# E_q \log p(\mu) &= -\frac12 \log(2\pi\sigma_0^2) - \frac{(m - \mu_0)^2 + s^2}{2\sigma_0^2}, \qquad
# H[q] = \frac12 \log(2\pi e\, s^2) .
# \end{aligned}$$
#
# Their sum is $\mathcal L$. (The last two together are $-\mathrm{KL}(q\,\Vert\,p(\mu))$, which you
# have from E1.1.)
#
# **The posterior.** As a function of $\mu$, $\log p(x, \mu)$ is a quadratic; collect its terms. The
# factor of $-\frac12\mu^2$ is the posterior's precision, that of $\mu$ is precision times mean:
#
# $$\text{prec}_N = \frac{1}{\sigma_0^2} + \frac{N}{\sigma^2}, \qquad
# \mu_N = \frac{1}{\text{prec}_N}\Big(\frac{\mu_0}{\sigma_0^2} + \frac{\sum_i x_i}{\sigma^2}\Big),
# \qquad p(\mu \mid x) = N(\mu_N,\ \text{prec} = \text{prec}_N) .$$
#
# **The evidence.** Given $\mu$ the observations are independent; without $\mu$ they are **not**,
# since they share it. Write $x_i = \mu + \sigma\varepsilon_i$ with independent noise: each $x_i$
# has mean $\mu_0$, variance $\sigma_0^2 + \sigma^2$, and any two have the covariance $\sigma_0^2$.
# So
#
# $$p(x) = N\big(x;\ \mu_0 \mathbf 1,\ \text{cov} = \sigma^2 I + \sigma_0^2\, \mathbf 1 \mathbf 1^\top\big) .$$
#
# There are other ways to the same number: one observation after the other,
# $p(x_1)\,p(x_2 \mid x_1) \cdots$; or Bayes' rule solved for the evidence,
# $p(x) = p(x, \mu) / p(\mu \mid x)$ at any $\mu$ you like.

# %% tags=["demo", "covers: F01"]
marginal = np.sum(densities.normal(data, 0.0, np.hypot(1.5, 1.0)))
plugged = np.sum(densities.normal(data, post_mean, 1.0))
print(f"log p(x)                              {exact_q.log_evidence:9.4f}")
print(f"as if the data were independent       {marginal:9.4f}")
print(f"likelihood at the posterior mean      {plugged:9.4f}")
at = 0.7
by_bayes = log_joint_mean(np.array([[at]]))[0] - densities.normal(
    at, post_mean, post_sd
)
print(f"Bayes' rule, solved for p(x), μ = 0.7 {by_bayes:9.4f}")

# %% [markdown]
# <details><summary><b>Concept 6:</b> the likelihood at the posterior mean is larger than the
# evidence. Must it be?</summary>
#
# Nearly always: the evidence is the *average* of the likelihood over the prior, and the posterior
# mean sits near its maximum. The difference is the price for not having known $\mu$ beforehand, and
# it grows with the width of the prior. Plugging in a fitted value always flatters a model;
# averaging does not.
# </details>
#
# ### Exercise 1.4 · ELBO, evidence and KL of a normal mean (6 points)
#
# Return the three numbers `(elbo, log_evidence, kl)`, two points each, with all constants; `kl` is
# the divergence of $q$ from the **posterior**. You may use your own functions from above, and any
# route you like, for instance the KL as the difference of the other two. But then you lose the
# test: better compute all three and look whether `elbo + kl` is `log_evidence`, for some $q$ of
# your own. `x` has at least one entry.

# %% exercise="E1.4"
def elbo_normal_mean(x, prior_mean, prior_sd, lik_sd, m, s):
    """ELBO, log evidence and KL(q || posterior) of a normal mean, in nats.

    mu ~ N(prior_mean, prior_sd**2), x_i ~ N(mu, lik_sd**2); q = N(m, s**2).
    x: (N,), N >= 1; the other arguments are numbers.
    Returns (elbo, log_evidence, kl).
    """
    ### BEGIN SOLUTION
    num = len(x)

    log_lik = -0.5 * num * np.log(2 * np.pi * lik_sd**2)
    log_lik -= (np.sum((x - m) ** 2) + num * s**2) / (2 * lik_sd**2)
    log_prior = -0.5 * np.log(2 * np.pi * prior_sd**2)
    log_prior -= ((m - prior_mean) ** 2 + s**2) / (2 * prior_sd**2)
    entropy = 0.5 * np.log(2 * np.pi * np.e * s**2)
    elbo = log_lik + log_prior + entropy

    cov = lik_sd**2 * np.eye(num) + prior_sd**2 * np.ones((num, num))
    gap = x - prior_mean
    log_det = np.linalg.slogdet(2 * np.pi * cov)[1]
    log_evidence = -0.5 * (log_det + gap @ np.linalg.solve(cov, gap))

    prec = 1 / prior_sd**2 + num / lik_sd**2
    mean = (prior_mean / prior_sd**2 + np.sum(x) / lik_sd**2) / prec
    kl = 0.5 * (prec * s**2 - np.log(prec * s**2) - 1)
    kl += 0.5 * prec * (m - mean) ** 2
    return elbo, log_evidence, kl
    ### END SOLUTION

# %% check="E1.4" seed=1401

# %% [markdown]
# ## 7 · Numbers as small as $e^{-1000}$
#
# Jensen's detour in section 5 contained an equation without any bound,
# $p(x) = E_q[p(x, \theta)/q(\theta)]$. Estimate the average by draws, with
# $w_s = \log p(x, \theta_s) - \log q(\theta_s)$:
#
# $$\log p(x) \approx \log \frac1S \sum_{s=1}^S e^{w_s} . \tag{6}$$
#
# Try it with 5 data, and with 1000 data of the same kind:

# %% tags=["demo"]
def weights(num, size=1000):
    """Log p(x) of `num` data, and `size` log ratios from a good q."""
    rng = default_rng(7)
    many = 1.5 + rng.standard_normal(num)
    truth = oracles.NormalNormal(many, **model)
    mean, sd = truth.mean[0] + 0.3 * truth.sd[0], 1.2 * truth.sd[0]
    mu = mean + sd * rng.standard_normal((size, 1))
    return truth, truth.log_joint(mu) - densities.normal(mu[:, 0], mean, sd)


for num in (5, 1000):
    truth, w = weights(num)
    with np.errstate(divide="ignore"):
        naive = np.log(np.mean(np.exp(w)))
    print(f"N = {num:4d}: np.log(np.mean(np.exp(w))) = {naive:.4f}, "
          f"exact {truth.log_evidence:.4f}")
# half of the smallest positive number still rounds up to it
smallest = np.log(5e-324) - np.log(2)
largest = np.log(np.finfo(float).max)
print(f"exp(w) is 0 below w = {smallest:.0f} "
      f"and inf above w = {largest:.0f}")

# %% tags=["demo"]
counts = np.arange(1, 1001)
many = 1.5 + default_rng(7).standard_normal(1000)
log_lik = np.cumsum(densities.normal(many, 1.5, 1.0))
fig, ax = plt.subplots(figsize=(6, 3.4))
ax.axhspan(-1600, smallest, color=plots.ORANGE, alpha=0.35, lw=0)
ax.text(40, -1450, "here exp() returns 0.0")
ax.plot(counts, log_lik, color=plots.BLUE, label="log p(x | θ)")
ax.axhline(smallest, color=plots.BLACK, ls="--", lw=1.5)
ax.set(xlabel="number of data N", ylabel="nats", ylim=(-1600, 50))
ax.legend(loc="upper right")
first = counts[log_lik < smallest][0]
print(f"the likelihood underflows from N = {first} on")
plots.show(fig, alt="The log likelihood falls on a straight line with the "
           "number of data, about 1.4 nats for each. At 550 data it "
           "enters the region below -745 where the exponential function "
           "returns zero.")

# %% [markdown]
# Nothing is wrong with the formula or with the draws: the density of a thousand observations is
# just a small number, and in double precision everything below $e^{-745}$ is 0. The logarithm of 0
# is $-\infty$. This is why this course computes with **log densities** from beginning to end. But
# the average in (6) is of exponentials; so we bring them into range first. For any number $m$,
#
# $$\log \frac1n \sum_i e^{a_i} = \log \Big(e^m\, \frac1n \sum_i e^{a_i - m}\Big)
# = m + \log \frac1n \sum_i e^{a_i - m} .$$
#
# Choose $m = \max_i a_i$. Then the largest exponential is $e^0 = 1$, so nothing overflows and the
# mean is at least $1/n$; terms that underflow to 0 now are so much smaller that they do not matter.
#
# ### Exercise 1.5 · The logarithm of a mean of exponentials (3 points)
#
# Write `log_mean_exp` with NumPy's conventions: `axis=None` averages over all entries, `axis=0`,
# `axis=1`, `axis=-1` along one axis of a matrix, and with `keepdims=True` the averaged axis stays,
# with length 1. Entries may be large, very negative, or $-\infty$ (the logarithm of 0); where all
# of them are $-\infty$, so is the result.

# %% exercise="E1.5"
def log_mean_exp(a, axis=None, keepdims=False):
    """Return log(mean(exp(a))) along an axis without over- or underflow.

    a: array of numbers, -inf allowed; axis: None or a whole number.
    keepdims: whether the averaged axis stays, with length 1.
    """
    ### BEGIN SOLUTION
    m = np.max(a, axis=axis, keepdims=True)
    m = np.where(np.isfinite(m), m, 0.0)
    mean = np.mean(np.exp(a - m), axis=axis, keepdims=True)
    with np.errstate(divide="ignore"):
        result = m + np.log(mean)
    return result if keepdims else np.squeeze(result, axis=axis)
    ### END SOLUTION

# %% check="E1.5" seed=1501

# %% tags=["demo"]
print("   N   ELBO from draws   log mean exp   log p(x)")
for num in (5, 100, 1000):
    truth, w = weights(num)
    print(f"{num:4d} {np.mean(w):14.4f} {divergences.log_mean_exp(w):16.4f}"
          f" {truth.log_evidence:12.4f}")

# %% [markdown]
# The average of the logarithms, the ELBO, stays below; the logarithm of the average comes out
# almost exactly. So why bother with a bound? Because here $q$ is good. If $q$ is poor, a few of the
# ratios are huge and the rest nothing, and the average depends on whether one of those few was
# drawn: it is unbiased for $p(x)$ and useless. The logarithm tames them. Lesson 11 interpolates
# between the two, and lesson 12 has a diagnostic, $\hat k$, that says when the average can be
# trusted.
#
# ## 8 · Where this breaks
#
# **A small Monte Carlo error says nothing about the approximation.** Take a symmetric posterior
# with two modes and move them apart, with $q$ fitted in the reverse direction. While they are
# close, $q$ covers both. Then it settles on one, its draws never see the other, and the estimate of
# the KL divergence is precise, and correct: it is $\log 2$, no matter how far away the other mode
# is.

# %% tags=["demo"]
for separation in (2.0, 4.0, 8.0, 16.0):
    p = oracles.two_modes(separation)
    mean, sd = divergences.project_reverse(
        lambda t, p=p: p.log_joint(t[:, None]), separation / 2, 1.0
    )
    theta = mean + sd * default_rng(8).standard_normal((1000, 1))
    kl, error = divergences.kl_monte_carlo(
        lambda t, mean=mean, sd=sd: densities.normal(t[:, 0], mean, sd),
        p.log_joint, theta
    )
    print(f"modes at ±{separation / 2:.0f}: KL = {kl:.4f} ± {error:.4f}; "
          f"mean {abs(mean):.2f} (exact 0), sd {sd:.2f} "
          f"(exact {p.sd[0]:.2f})")
print(f"log 2 = {np.log(2):.4f}")

# %% [markdown]
# For modes far apart 0.69 nats hide any error you like in mean and sd. That is the zero-forcing
# direction at work: half of the mass is missed, and it costs $\log 2$. A good ELBO and a small
# error bar do not mean that all of the posterior has been found. Restarts help (lesson 3), and
# looking at the problem.
#
# **The error bar needs a finite variance.** Let $q$ be a Cauchy and $p$ a Gaussian. Both have the
# whole line as support, so all seems well. But $q$ has such heavy tails that $E_q[\theta^2] =
# \infty$, and $-\log p(\theta)$ grows like $\theta^2$: the divergence is infinite. The estimates do
# not say so.

# %% tags=["demo"]
fig, ax = plt.subplots(figsize=(6, 3.8))
sizes = np.unique(np.round(10 ** np.linspace(1, 5, 120)).astype(int))
for seed, color, style in ((1, plots.BLUE, "-"), (2, plots.VERMILLION, "--"),
                           (3, plots.GREEN, "-.")):
    theta = default_rng(seed).standard_cauchy(100_000)
    terms = densities.cauchy(theta) - densities.normal(theta)
    means = np.cumsum(terms)[sizes - 1] / sizes
    ax.loglog(sizes, means, style, color=color, label=f"seed {seed}")
    for size in (25, 1000, 100_000):
        part = terms[:size]
        print(f"seed {seed}, S = {size:6d}: {np.mean(part):10.2f} "
              f"± {np.std(part, ddof=1) / size**0.5:.2f}")
ax.set(xlabel="draws S", ylabel="estimate of KL, nats")
ax.legend()
plots.show(fig, alt="Running estimates of the KL divergence of a Cauchy from "
           "a Gaussian for three seeds, on logarithmic axes. Instead of "
           "settling they climb in sudden jumps over four orders of "
           "magnitude of draws.")

# %% [markdown]
# Each jump is one draw from far out. Look at 25 draws: estimates below 3 nats, with modest errors.
# A standard error is computed from the draws one has; it knows nothing of those that have not come
# yet. With more draws a healthy error shrinks; here it explodes. So watch the error as S grows, and
# compare seeds. A $q$ with lighter tails than $p$ is safe in this respect; and that is what the
# reverse direction prefers anyway.
#
# **Supports.** A single draw where $p = 0$ makes the estimate infinite, and rightly so. Do not drop
# it, and do not add a small number under the logarithm: change the variables, or the family.
#
# **One direction only.** To estimate $\mathrm{KL}(p\,\Vert\,q)$ one would need draws from $p$.
# Reweighting draws of $q$ by $p/q$ is possible, and reliable only if $q$ covers $p$: exactly what
# is not known.
#
# ## Summary
#
# - $\mathrm{KL}(q\,\Vert\,p) = E_q[\log q - \log p] \ge 0$, and 0 only for $q = p$. It is infinite
#   if $q$ has mass where $p$ has none.
# - The direction matters: $\mathrm{KL}(q\,\Vert\,p)$ seeks a mode and is too narrow,
#   $\mathrm{KL}(p\,\Vert\,q)$ covers everything. VI takes the first because it can average under
#   $q$.
# - $\log p(x) = \mathcal L(q) + \mathrm{KL}(q\,\Vert\,p(\cdot \mid x))$ for every $q$. For a fixed
#   model, raising the ELBO is lowering the KL, without knowing either the evidence or the KL.
# - $\mathcal L = E_q[\log p(x, \theta)] + H[q] = E_q[\log p(x \mid \theta)] -
#   \mathrm{KL}(q\,\Vert\,\text{prior})$.
# - An average over draws comes with an error bar, $\mathrm{sd}/\sqrt S$. It measures the noise of
#   the estimate and not the quality of $q$.
# - Compute with logarithms; take the maximum out before you exponentiate.
#
# ## Open question (5 points)
#
# **When would you prefer the mass-covering direction?** Describe a task (not the sensor of this
# lesson) in which the $q$ that minimises $\mathrm{KL}(p\,\Vert\,q)$ serves better than that which
# minimises $\mathrm{KL}(q\,\Vert\,p)$, and say what goes wrong with the latter. Then describe one
# in which it is the other way round. For your first task: how could the forward divergence be
# minimised although draws from $p$ are what you do not have? About ten sentences.

# %% [markdown] open="O1" points=5
# <!-- BEGIN SOLUTION -->
# The mass-covering direction is better where it is costly to overlook a possibility (1 point for a
# task with this structure). Example: the position of a ship from ambiguous bearings, used to plan a
# search. The reverse fit would pick one of several areas and declare the others impossible, with a
# small sd; the search would never go there. The forward fit wastes effort on the sea between the
# areas, but leaves none out (1 point for naming what goes wrong, in terms of where the average is
# taken). Other good examples: a proposal for importance sampling, whose weights have finite
# variance only if $q$ covers $p$; safety margins.
#
# The mode-seeking direction is better where any one good explanation will do and a compromise
# between two is worthless: a clustering (labels can be swapped, and the average over swapped labels
# describes no clustering at all), the pose of a robot arm with two solutions, a translation (1
# point).
#
# To minimise $\mathrm{KL}(p\,\Vert\,q)$ one needs $E_p[\log q]$ (1 point). Ways: importance weights
# $p/q$, self-normalised so that the evidence cancels, repeated as $q$ improves; a few draws from
# MCMC; expectation propagation, which matches moments factor by factor; or simulation: draws of
# $(\theta, x)$ from the *joint* are easy, and fitting $q(\theta \mid x)$ to them minimises the
# forward divergence on average over data (1 point for one way with its difficulty, such as the high
# variance of the weights in many dimensions).
# <!-- END SOLUTION -->

# %% [markdown]
# ## References
#
# - C. Bishop, *Pattern Recognition and Machine Learning*, 2006: the KL divergence, section 1.6.1
#   and eq. (1.113); $\ln p = \mathcal L + \mathrm{KL}$, eqs. (10.2)-(10.4), our (5); both
#   directions on two modes, section 10.1.2 and figure 10.3; the normal mean, eqs. (2.141), (2.142).
# - D. Blei, A. Kucukelbir, J. McAuliffe, *Variational Inference: A Review for Statisticians*, JASA
#   112, 2017: the ELBO, section 2.2, eq. (13); a comparison with MCMC, section 1.
# - M. Jordan, Z. Ghahramani, T. Jaakkola, L. Saul, *An Introduction to Variational Methods for
#   Graphical Models*, Machine Learning 37, 1999: where the bound by Jensen's inequality and its gap
#   as a KL divergence entered the field.
# - T. Minka, *Divergence measures and message passing*, 2005: exclusive and inclusive divergences.
# - S. Kullback, R. Leibler, *On information and sufficiency*, Annals of Mathematical Statistics 22,
#   1951.
