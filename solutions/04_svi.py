# %% [markdown]
# # 4 · Stochastic optimisation and stochastic variational inference
#
# Coordinate ascent reads *all* data for every update. With a hundred observations nobody minds.
# With millions it spends hours on the first sweep, computing to twelve digits the best answer to a
# question that was badly put, since the other factors are still wrong. This lesson takes small,
# cheap, noisy steps instead: a gradient that is right only on average, steps that shrink at the
# right speed, and a direction that does not depend on how we happen to write $q$. Put together they
# are *stochastic variational inference*, SVI.
#
# **You will be able to**
#
# - say how long a step of gradient ascent may be, and why noise asks for steps that shrink, but not
#   too fast: the two sums of Robbins and Monro;
# - build an unbiased gradient of the ELBO from a minibatch, and see at a glance when the factor
#   $N/B$ was forgotten;
# - derive the natural gradient, and why for conjugate models it is just "new minus old";
# - write stochastic coordinate ascent, and compare its fit with the exact posterior.
#
# **Before you start:** lesson 2 (coordinate ascent for an unknown mean and precision). Section 1
# borrows the mixture of lesson 3, for a picture only.
#
# **Time** about 130 minutes · **Points** 20 for four exercises, 5 for the open question.
#
# | exercise | you write | about | difficulty | points |
# |---|---|---|---|---|
# | E4.1 | step sizes, and which of them are allowed | 15 min | ●○○ | 4 |
# | E4.2 | the ELBO's gradient from a minibatch | 20 min | ●●○ | 6 |
# | E4.3 | a step along the natural gradient | 10 min | ●○○ | 4 |
# | E4.4 | stochastic coordinate ascent | 35 min | ●●● | 6 |
#
# An exercise is one function (E4.1: two): replace `raise NotImplementedError` by your code, run the
# cell, then the check below it. Everything else in this notebook runs without your answers.

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy.special import polygamma, zeta

from autograder.checks import check
from vi_lib import cavi, densities, divergences, expfam, oracles, plots, svi
from vi_lib import optimizers
from vi_lib.flipbook import flipbook

plots.use_style()
np.set_printoptions(precision=4, suppress=True)
default_rng = np.random.default_rng

# %% [markdown]
# | symbol | in code | meaning |
# |---|---|---|
# | $x_1, \dots, x_N$ | `x` (N,), `data` (N, …) | the data, one observation a row |
# | $\mathcal B$, $B$ | `idx` (B,), `batch_size` | a minibatch: the numbers of the rows drawn, and how many |
# | $\lambda$ | `lam` (P,) | the parameters of $q$, any that we like |
# | $\hat g$ | | a noisy gradient of the ELBO, right on average |
# | $\rho_t$ | `rho` | the step size of step $t = 1, 2, \dots$ |
# | $\rho_0, \kappa$, delay | `rho0`, `kappa`, `delay` | $\rho_t = \rho_0\,(t + \text{delay})^{-\kappa}$ |
# | $L$ | | curvature: the ELBO is $-\frac L2 (\lambda - \lambda^*)^2$ plus a constant near its top |
# | $\eta$ | `eta` (…, P) | the *natural* parameters of a factor of $q$ |
# | $\hat\eta$ | `eta_hat` | those of its coordinate-ascent update |
# | $F$ | | Fisher matrix of $q$ |
# | $\nu_q, \tau_q, \alpha_q, \beta_q$ | `nu_q`, … | $q(\mu) = N(\nu_q, \text{prec} = \tau_q)$, $q(\gamma) = \text{Gamma}(\alpha_q, \text{rate} = \beta_q)$, as in lesson 2 |

# %% [markdown] tags=["covers: B01"]
# ## 1 · What a sweep costs
#
# Here are 20,000 numbers from three overlapping groups, fitted by the mixture of lesson 3 (three
# Gaussians with variance 1 and unknown means). Both methods start from the same bad guess of the
# means, $-0.5$, 0 and 0.5. Coordinate ascent computes the responsibilities of all 20,000 data, then
# moves the means. The stochastic version draws **200** data, computes *their* responsibilities, and
# moves the means a part of the way. The fair axis is not time and not iterations: it is how many
# data were touched.

# %% tags=["demo", "covers: B01 B34"]
N = 20_000
rng = default_rng(41)
groups = np.array([-2.0, 0.0, 2.0])
y = groups[rng.integers(3, size=N)] + rng.standard_normal(N)
guess = np.array([-0.5, 0.0, 0.5])
sweeps = cavi.cavi_gmm(y, 3, 10.0, default_rng(0), 1, init=guess)
steps = svi.svi_gmm(y, 3, 10.0, 200, 0.7, 1.0, 500, default_rng(1),
                    init=guess)
top_elbo = sweeps["elbo"][-1]
print("                   nats below the optimum")
print("data touched   coordinate ascent   stochastic")
for touched in (200, 2000, 20_000, 100_000):
    sweep = touched // N
    gap = f"{top_elbo - sweeps['elbo'][sweep - 1]:20.2f}" if sweep else (
        "       still reading")
    print(f"{touched:12,d}{gap}"
          f"{top_elbo - steps['elbo'][touched // 200 - 1]:13.2f}")

# %% tags=["demo", "covers: B01 B34"]
fig, ax = plt.subplots(figsize=(6, 4.2))
gaps = top_elbo - sweeps["elbo"]
ax.loglog(N * np.arange(1, len(gaps)), gaps[:-1], "o-",
          color=plots.BLACK, ms=5, label="coordinate ascent, a sweep each")
ax.loglog(200 * np.arange(1, 501), top_elbo - steps["elbo"],
          color=plots.BLUE, label="stochastic, 200 data a step")
ax.vlines(N, 0.01, 2e4, color=plots.BLACK, ls=":", lw=1.5)
ax.text(1.08 * N, 0.015, "all data\nonce", va="bottom")
ax.set(xlabel="data touched", ylabel="nats below the optimum",
       xlim=(150, 7e5), ylim=(0.01, 1e6))
ax.legend(loc="upper center", fontsize=11)
plots.show(fig, alt="Distance of the ELBO from its optimum against the number "
           "of data touched, on logarithmic axes. The stochastic method is "
           "within 60 nats after 2,000 data and near 1 nat when coordinate "
           "ascent finishes its first sweep at 6,000 nats; coordinate ascent "
           "overtakes it after five sweeps and then falls steeply.")

# %% [markdown]
# Read the picture from both ends. On the left the noisy method has found the groups before
# coordinate ascent has read its data *once*. On the right coordinate ascent wins: it converges to
# as many digits as one likes, the noisy method creeps. Nothing is free. But if the data were 100
# times as many, the black curve would move two decades to the right, and the blue one would stay
# where it is.
#
# What do the fits look like? A nat is little: the two differ in the means by about as much as the
# sds of $q$ are, 0.012. For this model no exact posterior is known; the reference is the optimum of
# coordinate ascent.

# %% tags=["demo", "covers: B34"]
print("                         means                    sds")
for name, fit in (("coordinate ascent", sweeps), ("stochastic", steps)):
    order = np.argsort(fit["m"])
    print(f"{name:18s}{fit['m'][order].round(3)}   "
          f"{np.sqrt(fit['s2'][order]).round(4)}")
print(f"{'data made with':18s}{groups}")

# %% [markdown] tags=["covers: D01"]
# ## 2 · How long may a step be?
#
# First without noise. **Gradient ascent** climbs by
#
# $$\lambda_t = \lambda_{t-1} + \rho\, \nabla f(\lambda_{t-1}) . \tag{1}$$
#
# "With $\rho$ small enough", say the textbooks. How small? Near its top a smooth function is a
# quadratic, so take one: $f(\lambda) = -\frac L2 (\lambda - \lambda^*)^2$, with **curvature**
# $L > 0$. Its gradient is $-L(\lambda - \lambda^*)$. Write $e_t = \lambda_t - \lambda^*$ for the
# error, subtract $\lambda^*$ on both sides of (1),
#
# $$e_t = e_{t-1} - \rho L\, e_{t-1} = (1 - \rho L)\, e_{t-1}
# \qquad\Longrightarrow\qquad e_t = (1 - \rho L)^t\, e_0 . \tag{2}$$
#
# The error goes to 0 exactly if $|1 - \rho L| < 1$, that is,
#
# $$\boxed{\ 0 < \rho < \frac 2L\ }$$
#
# - $\rho < 1/L$: the factor is positive, the iterates creep up on one side;
# - $\rho = 1/L$: one step, and we are there (a quadratic is its own Taylor series);
# - $1/L < \rho < 2/L$: each step jumps over the top, and lands nearer to it;
# - $\rho = 2/L$: for ever to and fro; beyond it: away, faster and faster.
#
# The example is the mean of $N = 20{,}000$ observations with known sd 2 and prior
# $N(0, \text{sd} = 10)$. For $q = N(m, \text{sd} = s)$ the ELBO is, as a function of $m$, a
# quadratic with $L = \text{prec}_N = 1/10^2 + N/2^2$ (lesson 1, section 6). Every datum makes it
# steeper: a step that was fine for 100 data explodes for 20,000.

# %% tags=["demo", "covers: D01"]
NOISE, PRIOR = 2.0, 10.0
x = 5.0 + NOISE * default_rng(4).standard_normal(N)
exact = oracles.NormalNormal(x, 0.0, PRIOR, NOISE)
mean_N, sd_N = exact.mean[0], exact.sd[0]
L = 1 / sd_N**2


def climb(rho, num, start):
    """Errors of m along gradient ascent on the ELBO."""
    m = np.empty(num + 1)
    m[0] = start
    for t in range(num):
        gradient = np.sum(x - m[t]) / NOISE**2 - m[t] / PRIOR**2
        m[t + 1] = m[t] + rho * gradient
    return m - mean_N


errors = {part: climb(part / L, 30, mean_N + 1.0)
          for part in (0.2, 1.0, 1.8, 2.1)}
print(f"L = {L:.2f}, so a step must be shorter than 2/L = {2 / L:.6f}")
for part, error in errors.items():
    tenth = round(error[10], 12) + 0.0  # less is round-off
    print(f"ρ = {part:.1f}/L: error of step 10 {tenth:9.2e}, "
          f"(1 - ρL)^10 {(1 - part) ** 10:9.2e}")

# %% tags=["demo", "covers: D01"]
fig, axes = plt.subplots(2, 2, figsize=(6, 5.4), sharex=True, sharey=True)
along = np.linspace(-3, 3, 201)
for ax, (part, error), color in zip(
    axes.ravel(), errors.items(),
    (plots.BLUE, plots.GREEN, plots.ORANGE, plots.VERMILLION), strict=True
):
    shown = error[:8]
    ax.plot(along, -(along**2), color=plots.BLACK, lw=1)
    ax.plot(shown, -(shown**2), "o-", color=color, lw=1.2, ms=5)
    ax.set_title(f"ρ = {part:.1f}/L", fontsize=13)
    ax.set(xlim=(-2.3, 2.3), ylim=(-4.3, 0.5), yticks=[])
for ax in axes[1]:
    ax.set(xlabel="error of m")
for ax in axes[:, 0]:
    ax.set(ylabel="ELBO")
plots.show(fig, alt="Four panels with iterates of gradient ascent on a "
           "parabola. With 0.2/L they creep up one side, with 1/L they reach "
           "the top in one step, with 1.8/L they jump from side to side and "
           "come nearer, with 2.1/L each jump ends lower than the one before.")

# %% [markdown]
# In several dimensions the same happens along each eigenvector of the curvature matrix: the step
# must be shorter than $2/L_{\max}$, and along the flattest direction the error then shrinks by no
# more than a factor $1 - 2 L_{\min}/L_{\max}$ a step. Long narrow ridges are the enemy of gradient
# ascent; section 5 meets one.
#
# <details><summary><b>Concept 1:</b> gradient ascent works on 1,000 data with ρ = 0.003. You fit the
# same model to 4,000. What happens?</summary>
#
# The curvature grows like $N$. If 0.003 was just below $2/L$ for 1,000 data, it is nearly four times
# too long for 4,000, and the iterates explode. It may also go well, if 0.003 was less than a quarter
# of the limit before. One way out is to follow the gradient of ELBO$/N$, whose curvature does not
# depend on $N$; but then the step means something else.
# </details>

# %% [markdown] tags=["covers: D02 D03"]
# ## 3 · Noisy gradients, shrinking steps
#
# <details><summary><b>Concept 2:</b> before you read on: there are two reasons why the gradient of an
# ELBO is often not known exactly. Which?</summary>
#
# 1. **The data.** $\log p(x \mid z)$ is a sum of $N$ terms, and we cannot or do not want to evaluate
#    all of them: take a random minibatch.
# 2. **The expectation.** $E_q[\log p(x, z)]$ has no closed form unless the model is conjugate to
#    $q$: average over draws from $q$ (lessons 5 and 6).
#
# Both make the gradient a random number. They can be had at the same time, and what follows does
# not mind where the noise comes from.
# </details>
#
# **Stochastic gradient ascent** replaces the gradient in (1) by a random $\hat g$ that is right on
# average and has a finite variance,
#
# $$\lambda_t = \lambda_{t-1} + \rho_t\, \hat g_t, \qquad
# E[\hat g_t] = \nabla f(\lambda_{t-1}), \qquad \mathrm{Var}(\hat g_t) \le s^2 < \infty . \tag{3}$$
#
# On the quadratic, with $\hat g_t = -L e_{t-1} + \xi_t$ and independent noise $\xi_t$ of variance
# $s^2$, the recursion (2) becomes $e_t = (1 - \rho_t L)\, e_{t-1} + \rho_t\, \xi_t$. So the mean
# error and its variance $v_t$ follow
#
# $$E[e_t] = (1 - \rho_t L)\, E[e_{t-1}], \qquad
# v_t = (1 - \rho_t L)^2\, v_{t-1} + \rho_t^2 s^2 . \tag{4}$$
#
# **A constant step** forgets the start at once. But the variance stays. Set
# $v_t = v_{t-1} = v$ in (4): $v\,\big(1 - (1 - \rho L)^2\big) = \rho^2 s^2$, and as
# $1 - (1 - \rho L)^2 = \rho L (2 - \rho L)$,
#
# $$v = \frac{\rho\, s^2}{L\, (2 - \rho L)} . \tag{5}$$
#
# The iterate dances about the top for ever, in a cloud whose size is set by $\rho$. Smaller steps,
# smaller cloud, slower approach. To arrive, the steps must shrink. How fast may they?

# %% [markdown] tags=["covers: D04 X51"]
# **The start must be forgotten.** The mean error is $e_0 \prod_t (1 - \rho_t L)$. Say
# $\rho_t L \le \frac12$ from the beginning. Then $-2\rho_t L \le \log(1 - \rho_t L) \le -\rho_t L$,
# and adding up,
#
# $$e^{-2L \sum_t \rho_t} \;\le\; \prod_t (1 - \rho_t L) \;\le\; e^{-L \sum_t \rho_t} .$$
#
# The product goes to 0 **if and only if** $\sum_t \rho_t = \infty$. If the steps add up to a finite
# number, the iterate stops short: all steps together are not long enough to get there.
#
# **The noise must die out.** Unroll the second recursion of (4): the noise of step $r$ has the
# weight $\rho_r^2$, shrunk by all later steps,
#
# $$v_t = s^2 \sum_{r \le t} \rho_r^2 \prod_{u = r+1}^{t} (1 - \rho_u L)^2 .$$
#
# If $\sum_r \rho_r^2 < \infty$, then for every $\varepsilon$ there is a $T$ beyond which all noise
# together weighs less than $\varepsilon$; and the noise from before $T$ is forgotten for the same
# reason as the start. So $v_t \to 0$. These are the conditions of **Robbins and Monro** (1951):
#
# $$\boxed{\ \sum_{t=1}^\infty \rho_t = \infty \qquad\text{and}\qquad
# \sum_{t=1}^\infty \rho_t^2 < \infty\ } \tag{6}$$
#
# The usual schedule is a power, $\rho_t = \rho_0\, (t + \text{delay})^{-\kappa}$. The delay makes
# the first steps shorter; for the sums only the exponent counts. Remember that
# $\sum_t t^{-p}$ is finite exactly for $p > 1$ (compare with $\int t^{-p}\, dt$), and apply it to
# both sums. Then move the slider.

# %% tags=["demo", "covers: D04 X51"]
T, START = 10_000, 4.0
times = np.arange(1, T + 1)
noise = default_rng(43).standard_normal((T, 5))
seen = np.unique(np.geomspace(1, T, 500).astype(int)) - 1


def noisy_climb(kappa):
    """Five noisy paths with L = s = 1, their mean and sd by (4)."""
    rate = svi.robbins_monro_rate(times, 0.8, kappa, 1.0)
    path, mean, var = np.empty((T, 5)), np.empty(T), np.empty(T)
    e, a, v = np.full(5, START), START, 0.0
    for t, rho in enumerate(rate.tolist()):
        keep = 1 - rho
        e = keep * e + rho * noise[t]
        a, v = keep * a, keep**2 * v + rho**2
        path[t], mean[t], var[t] = e, a, v
    return rate, path, mean, np.sqrt(var)


def limit(kappa):
    """The sum of all rho_t."""
    return 0.8 * zeta(kappa, 2.0) if kappa > 1 else np.inf


def schedule(fig, kappa):
    rate, path, mean, sd = climbs[kappa]
    low, high = mean - 2 * sd, mean + 2 * sd
    top, bottom = fig.subplots(2, 1, sharex=True)
    top.fill_between(times[seen], low[seen], high[seen], lw=0,
                     color=plots.SKY, alpha=0.35)
    top.plot(times[seen], path[seen], color=plots.BLUE, lw=0.7)
    top.plot(times[seen], mean[seen], color=plots.BLACK, lw=2)
    top.axhline(0, color=plots.VERMILLION, ls="--", lw=1.5)
    good = optimizers.is_robbins_monro(kappa)
    top.set_title(f"κ = {kappa:.2f}: both sums as they should be: "
                  f"{'yes' if good else 'no'}", fontsize=13)
    top.set(xscale="log", ylim=(-3, 4.5), ylabel="error")
    for power, color, style in ((1, plots.GREEN, "-"),
                                (2, plots.ORANGE, "--")):
        total = np.cumsum(rate**power)
        end = power * kappa > 1
        name = ("Σ ρ", "Σ ρ²")[power - 1]
        bottom.plot(times[seen], total[seen], style, color=color,
                    label=f"{name} {'stays finite' if end else '→ ∞'}")
    bottom.set(yscale="log", ylim=(0.03, 2e4), xlabel="step t",
               ylabel="sum so far")
    bottom.legend(loc="upper left")


climbs = {kappa: noisy_climb(kappa) for kappa in (
    0.0, 0.25, 0.5, 0.6, 0.75, 0.9, 1.0, 1.2, 1.5)}
flipbook(
    schedule, tuple(climbs), label="κ = {:.2f}", start=5, figsize=(6.0, 5.6),
    alt="Errors of five noisy runs over 10,000 steps, and both sums of step "
        "sizes. For κ = 0 the runs dance around 0 for ever, for κ from 0.6 "
        "to 1 they settle at 0, ever more smoothly; from 1.2 on they settle "
        "before they have arrived, at 1.5 well above 0."
)

# %% tags=["demo", "covers: D04"]
print("  κ     Σρ, all steps  mean error  sd of error at t = 10,000")
for kappa, (_, _, mean, sd) in climbs.items():
    print(f"{kappa:4.2f}   {limit(kappa):10.2f}   {mean[-1]:12.5f}"
          f"  {sd[-1]:10.5f}")
constant = 0.8 / (2 - 0.8)
print(f"sd for κ = 0 by equation (5): {np.sqrt(constant):.5f}")

# %% [markdown]
# - **κ = 0**, a constant step: the start is forgotten after a few steps, the cloud stays.
# - **½ < κ ≤ 1**: both conditions hold. The sd at the end falls with κ; equation (4) says that
#   it is about $\sqrt{\rho_t s^2 / 2L}$ for κ < 1.
# - **κ > 1**: every run comes to rest, and in the wrong place: neither the start nor the noise of the
#   first steps is ever forgotten. This is the dangerous side, for the run *looks* converged.
# - **0 < κ ≤ ½**: on this quadratic the error still shrinks, slowly. Conditions (6) are sufficient,
#   and the second is stricter than this example needs: it guarantees convergence with probability
#   one for any noise of which we know nothing but a finite variance.
#
# > **Spot the error.** In the transcript of a set of slides two formulas got lost: "converges if the
# > step sizes satisfy ⟨…⟩ and ⟨…⟩". Three readers fill the gap. *(a)* "$\rho_t \to 0$." *(b)* "The
# > steps must add up, $\sum \rho_t < \infty$, and so must their squares." *(c)*
# > "$\sum \rho_t = \infty$, so that no noise is left, and $\sum \rho_t^2 < \infty$, so that it
# > can reach the optimum from anywhere."
# >
# > <details><summary>Answer</summary>
# >
# > (a) is not enough: $\rho_t = t^{-2}$ goes to 0 and stops short. (b) has the first sum upside down
# > and would allow exactly the schedules with κ > 1, which stop short. (c) has the right formulas
# > with the reasons exchanged: the first sum is what gets us there, the second what quiets the
# > noise.
# > </details>
#
# ### Exercise 4.1 · Step sizes that shrink, and how fast they may (4 points)
#
# Write `robbins_monro`, the step size $\rho_0\,(t + \text{delay})^{-\kappa}$. `t` is a number or an
# array (T,), counted from 1; all arguments may be whole numbers. And write `is_robbins_monro`, which
# says for one number κ, whatever it is, whether this schedule fulfils **both** conditions (6):
# `True` or `False`.

# %% exercise="E4.1"
def robbins_monro(t, rho0, kappa, delay):
    """Return the step size rho0 (t + delay)^-kappa.

    t: the step, a number or an array (T,), 1 at the first step.
    rho0 > 0, kappa, delay >= 0: numbers.
    Returns a number, or an array (T,).
    """
    ### BEGIN SOLUTION
    return rho0 * (t + delay) ** (-float(kappa))
    ### END SOLUTION


def is_robbins_monro(kappa):
    """Whether sum_t rho_t is infinite and sum_t rho_t^2 finite.

    kappa: a number. Returns True or False.
    """
    ### BEGIN SOLUTION
    return 0.5 < kappa <= 1
    ### END SOLUTION

# %% check="E4.1" seed=4101

# %% [markdown]
# <details><summary><b>Concept 3:</b> two runs with κ = 1, ρ₀ = 1/L and ρ₀ = 0.1/L. Both fulfil (6). One
# is hopeless. Which?</summary>
#
# The second. With $\rho_t = \rho_0/t$ the mean error is $e_0 \prod (1 - \rho_0 L / t)$, which falls
# like $t^{-\rho_0 L}$. For $\rho_0 L = 1$ that is $1/t$; for $\rho_0 L = 0.1$ it takes
# $10^{10}$ steps to gain one digit. "Converges" is a statement about infinity. Section 7 shows it.
# </details>

# %% [markdown] tags=["covers: D03 B02"]
# ## 4 · Minibatches, and the factor N/B
#
# Where do unbiased gradients come from? Split the ELBO into what is a sum over the data and what is
# not,
#
# $$\mathcal L(\lambda) = \sum_{i=1}^N \underbrace{E_q[\log p(x_i \mid z)]}_{\ell_i(\lambda)}
# + E_q[\log p(z)] + H[q] .$$
#
# Draw $B$ of the $N$ rows at random, each row equally likely, and let $\mathcal B$ be their numbers.
# Then each row is in the batch with probability $B/N$, so
#
# $$E\Big[\sum_{i \in \mathcal B} \nabla \ell_i\Big] = \sum_{i=1}^N P(i \in \mathcal B)\, \nabla
# \ell_i = \frac BN \sum_{i=1}^N \nabla \ell_i .$$
#
# The batch sum is too small by $B/N$; multiply by $N/B$, and by nothing else:
#
# $$\boxed{\ \hat g = \frac NB \sum_{i \in \mathcal B} \nabla \ell_i(\lambda)
# + \nabla E_q[\log p(z)] + \nabla H[q]\ } \tag{7}$$
#
# Prior and entropy are no sums over the data. They stand in the ELBO once and are seen in full by
# every batch. Nothing was assumed about $B$: with $B = 1$ the estimate is noisy and unbiased, with
# $B = N$ it is the full gradient. (Rows may also be drawn with replacement; then a row that was
# drawn twice counts twice.)
#
# **How noisy?** Let $\sigma_g^2$ be the variance of $\nabla \ell_i$ over the data. The mean of a
# batch has variance $\sigma_g^2 / B$, times $(N - B)/(N - 1)$ if no row is drawn twice, since a
# batch of all rows leaves nothing to chance. With the factor $N$ in front,
#
# $$\mathrm{Var}(\hat g) = \frac{N^2 \sigma_g^2}{B} \cdot \frac{N - B}{N - 1} . \tag{8}$$

# %% tags=["demo", "covers: B02 D03"]
def row_gradients(lam, rows):
    """Gradients of E_q[log p(x_i|mu)] in (m, log s), (B, 2)."""
    m, log_s = lam
    curve = np.full(len(rows), -np.exp(2 * log_s))
    return np.column_stack([rows - m, curve]) / NOISE**2


def prior_gradient(lam):
    return -np.array([lam[0], np.exp(2 * lam[1])]) / PRIOR**2


def entropy_gradient(lam):
    return np.array([0.0, 1.0])


PARTS = (row_gradients, prior_gradient, entropy_gradient)
lam = np.array([4.9, np.log(0.05)])
full = svi.minibatch_elbo_gradient(*PARTS, lam, x, np.arange(N))
spread = np.var(row_gradients(lam, x)[:, 0])
print(f"full gradient in m: {full[0]:.2f}")
print("    B   mean of 300 ± error      sd     formula (8)")
sizes, sds = (1, 10, 100, 1000, 10_000, 19_000), []
for size in sizes:
    rng = default_rng([44, size])
    found = np.array([
        svi.minibatch_elbo_gradient(
            *PARTS, lam, x, rng.choice(N, size, replace=False)
        )[0]
        for _ in range(300)
    ])
    sds.append(np.std(found))
    formula = N * np.sqrt(spread / size * (N - size) / (N - 1))
    print(f"{size:6d} {found.mean():9.1f} ± {sds[-1] / 300**0.5:7.1f}"
          f"  {sds[-1]:9.1f}  {formula:10.1f}")

# %% tags=["demo", "covers: B02"]
fig, ax = plt.subplots(figsize=(6, 3.8))
line = np.geomspace(1, 19_990, 200)
ax.loglog(line, N * np.sqrt(spread / line * (N - line) / (N - 1)),
          color=plots.BLACK, label="formula (8)")
ax.loglog(sizes, sds, "o", color=plots.BLUE, ms=8, label="300 batches")
ax.axhline(abs(full[0]), color=plots.VERMILLION, ls="--",
           label="the full gradient itself")
ax.set(xlabel="batch size B", ylabel="sd of the gradient",
       ylim=(20, 4e4))
ax.legend(loc="lower left")
plots.show(fig, alt="Standard deviation of the minibatch gradient against the "
           "batch size on logarithmic axes: a straight line with slope minus "
           "one half that bends down to zero as B comes near N = 20,000. It "
           "crosses the size of the full gradient near B = 270.")

# %% [markdown]
# Four times the batch, half the noise: the law of all averages, lesson 1. And four times the cost.
# A single datum gives a gradient whose noise is 16 times the signal, and yet it is right on average;
# the shrinking steps do the averaging.
#
# <details><summary><b>Concept 4:</b> you may read 10,000 data in all. One hundred steps with B = 100, or
# ten thousand with B = 1?</summary>
#
# As far as the noise goes it is nearly a draw. A sum over 10,000 single data or over 100 batches
# carries the same information; halving $B$ doubles the variance of a step, and one must halve
# $\rho$ to keep the cloud (5) as it is. Small batches move earlier and adapt sooner; large ones are
# cheaper per datum on hardware that likes to work in bulk, and allow longer steps until $2/L$ stops
# them. Hence the common answer: as many as the machine handles in about the time it needs for one.
# </details>
#
# ### Exercise 4.2 · The gradient from a minibatch (6 points)
#
# Write (7). The three gradients come as functions: `grad_log_lik(lam, rows)` returns **one gradient
# per row**, (B, P), and takes the rows themselves, `data[idx]`; `grad_log_prior(lam)` and
# `grad_entropy(lam)` return (P,). `data` has one observation in each row: (N, K), or (N,) for
# numbers. `idx` (B,) holds the numbers of the rows in the batch; a row may occur twice, and counts
# twice then. Return the gradient, (P,).

# %% exercise="E4.2"
def minibatch_elbo_gradient(
    grad_log_lik, grad_log_prior, grad_entropy, lam, data, idx
):
    """Return an unbiased estimate of the ELBO's gradient, (P,).

    grad_log_lik: (lam, rows) -> (B, P), a gradient for each row.
    grad_log_prior, grad_entropy: lam -> (P,).
    lam: (P,); data: (N, ...); idx: (B,), the rows in the batch.
    """
    ### BEGIN SOLUTION
    per_row = grad_log_lik(lam, data[idx])
    likelihood = len(data) / len(idx) * np.sum(per_row, axis=0)
    return likelihood + grad_log_prior(lam) + grad_entropy(lam)
    ### END SOLUTION

# %% check="E4.2" seed=4202

# %% [markdown] tags=["covers: A12 B19 B02"]
# ### Both kinds of noise at once
#
# Nothing keeps us from replacing the expectation under $q$ by a single draw as well,
# $z = m + s\varepsilon$ with $\varepsilon \sim N(0, 1)$. (Lesson 6 shows why one may differentiate
# through the draw.) Then a step costs $B$ likelihood terms and one random number. For the step size
# we take an **adaptive** rule, that of ADVI: it divides each coordinate of the gradient by a running
# estimate of its size, so that nobody needs to know $L$, and shrinks like $t^{-1/2}$. Lesson 7 looks
# into it; here it is a black box from `vi_lib.optimizers`. The second half of the iterates is
# averaged.

# %% tags=["demo", "covers: A12 B19 B02"]
def ascend(size, num_steps=2000, factor=True, seed=45):
    """m and s after ascent with batches and a single draw of z each."""
    rng = default_rng([seed, size])
    step = optimizers.advi_step(0.3)
    lam, state, kept = np.array([0.0, 0.0]), None, []
    for _ in range(num_steps):
        idx, eps = rng.integers(N, size=size), rng.standard_normal()
        s = np.exp(lam[1])
        z, dz = lam[0] + s * eps, np.array([1.0, s * eps])
        gradient = svi.minibatch_elbo_gradient(
            lambda lam, rows, z=z, dz=dz: np.outer(rows - z, dz) / NOISE**2,
            lambda lam, z=z, dz=dz: -z * dz / PRIOR**2,
            entropy_gradient, lam, x if factor else x[idx],
            idx if factor else np.arange(size),
        )
        move, state = step(gradient, state)
        lam = lam + move
        kept.append(lam)
    m, log_s = np.mean(kept[num_steps // 2:], axis=0)
    return m, np.exp(log_s)


print("            mean      sd     data touched")
print(f"exact     {mean_N:.4f}  {sd_N:.4f}")
for size in (10, 100, 1000):
    m, s = ascend(size)
    print(f"B = {size:5d} {m:.4f}  {s:.4f}  {2000 * size:12,d}")

# %% [markdown]
# The mean is right to within a posterior sd, and from a hundred data a step on the sd is as well, give
# or take 10 or 20 per cent: that much single draws leave after 2,000 steps. With ten data the noise is
# more than 2,000 steps can average away, and the sd is not there yet: it started at 1.
#
# ### When N/B is forgotten
#
# Leave the factor out, and nothing crashes. The program maximises an ELBO; it is the ELBO of a data
# set of $B$ observations. The prior weighs $N/B$ times as much as it should, and $q$ becomes the
# posterior of a *small* data set: $\sqrt{N/B}$ times too wide.

# %% tags=["demo", "covers: X44 B34"]
B = 200
right, wrong = (ascend(B, 6000, factor) for factor in (True, False))
print(f"exact           mean {mean_N:.3f}  sd {sd_N:.4f}")
print(f"with N/B        mean {right[0]:.3f}  sd {right[1]:.4f}")
print(f"N/B forgotten   mean {wrong[0]:.3f}  sd {wrong[1]:.4f}, "
      f"{wrong[1] / sd_N:.1f} times the exact one; "
      f"√(N/B) = {np.sqrt(N / B):.1f}")

# %% tags=["demo", "covers: X44"]
fig, ax = plt.subplots(figsize=(6, 3.8))
mu = np.linspace(mean_N - 0.32, mean_N + 0.32, 601)
ax.fill_between(mu, np.exp(densities.normal(mu, mean_N, sd_N)),
                color=plots.BLACK, alpha=0.25, label="exact posterior")
for (m, s), name, color, style in (
    (right, "with N/B", plots.BLUE, "-"),
    (wrong, "N/B forgotten", plots.VERMILLION, "--"),
):
    ax.plot(mu, np.exp(densities.normal(mu, m, s)), style, color=color,
            label=name)
ax.set(xlabel="μ", ylabel="density", ylim=(0, 36))
ax.legend(loc="upper left", fontsize=11)
plots.show(fig, alt="Three densities of the mean around 5. The fit with the "
           "factor N/B lies on the narrow exact posterior; the fit without it "
           "has nearly the same centre and is about ten times as wide.")

# %% [markdown] tags=["covers: X44 B34"]
# > **Spot the error.** A course page fits a mixture to $N = 100{,}000$ points with ADVI, first with
# > all data, then with minibatches of 200, and finds that "the result is almost the same". It
# > compares the means. The losses (minus ELBO) it prints in passing are 348.5 and 321.6 for two
# > other runs, and 667 for the minibatch run. Two observations tell that something is wrong, without
# > a look at the code.
# >
# > <details><summary>Answer</summary>
# >
# > 1. $667 \approx 3.3 \times 200$: it is the loss of 200 points at about 3.3 nats each. That of
# >    100,000 points must be about 500 times as large, some 330,000 nats. The total size was not
# >    handed over (`total_size` in PyMC), so the factor $N/B = 500$ is missing.
# > 2. Only means were compared. They hardly depend on the factor; the sds do: they are
# >    $\sqrt{500} \approx 22$ times too wide. **Always compare sds as well.**
# >
# > A related slip is to scale everything, prior and entropy included: that is $N/B$ times the ELBO of
# > $B$ data, with its maximum in the same wrong place. A test with $B = N$ shows neither.
# > </details>
#
# A remedy for all such slips is to let the model own the factor: `vi_lib.Model` knows $N$, draws the
# batches itself, and applies $N/B$ to the likelihood and to nothing else.

# %% [markdown]
# ## 5 · The natural gradient
#
# A gradient says how fast the ELBO rises per unit of λ. But what is a unit? Here are two pairs of
# Gaussians. In both the mean moves by 1 and the sd not at all: the same step in $\lambda = (m, s)$.

# %% tags=["demo"]
fig, axes = plt.subplots(1, 2, figsize=(6, 3.2), sharey=False)
where = np.linspace(-9, 10, 801)
for ax, sd in zip(axes, (0.3, 3.0), strict=True):
    for m, color, style in ((0.0, plots.BLUE, "-"),
                            (1.0, plots.VERMILLION, "--")):
        ax.plot(where, np.exp(densities.normal(where, m, sd)), style,
                color=color, label=f"m = {m:.0f}")
    kl = divergences.gaussian_kl(0.0, sd, 1.0, sd)
    ax.set_title(f"s = {sd}: KL = {kl:.3f}", fontsize=13)
    ax.set(xlabel="z", yticks=[], xlim=(-1.5, 2.5) if sd < 1 else (-9, 10),
           ylim=(0, 0.53 / sd))
    ax.legend(loc="upper center", fontsize=11, ncols=2)
    print(f"sd {sd}: KL {kl:.4f} nats")
plots.show(fig, alt="Left: two narrow Gaussians with means 0 and 1 that "
           "hardly overlap, KL 5.556. Right: two wide ones with the same "
           "means, which can hardly be told apart, KL 0.056.")

# %% [markdown]
# To the left everything has changed, to the right next to nothing. The length of a step in λ is a
# matter of bookkeeping: in $(m, \log s)$ or in (mean, precision) the same move has another length,
# the gradient another direction, and gradient ascent takes another path. The distributions know
# nothing of that. So measure a step by what it does to $q$:
# $\mathrm{KL}(q_\lambda\,\Vert\,q_{\lambda + \delta})$.
#
# **What does a small step δ do?** Expand $K(\delta) = E_{q_\lambda}[\log q_\lambda(z) - \log
# q_{\lambda+\delta}(z)]$ at $\delta = 0$.
#
# - $K(0) = 0$.
# - The first derivative is $-E_q[\nabla \log q] = -\int q\, \frac{\nabla q}{q}\, dz =
#   -\nabla \int q\, dz = -\nabla 1 = 0$.
# - The second is $F = -E_q[\nabla^2 \log q]$, the **Fisher matrix**. Differentiate
#   $\int q\, \nabla \log q\, dz = 0$ once more to see that it is also
#   $E_q[\nabla \log q\, \nabla \log q^\top]$, a covariance, and hence positive.
#
# $$\mathrm{KL}(q_\lambda\,\Vert\,q_{\lambda+\delta}) = \tfrac12\, \delta^\top F \delta +
# O(|\delta|^3) . \tag{9}$$
#
# **Which step of a given KL-length climbs most?** Let $g$ be the gradient of the ELBO. Maximise
# $g^\top \delta$ under $\frac12 \delta^\top F \delta = \varepsilon$. With a multiplier $c$ the
# condition is $g = c F \delta$, so δ points along
#
# $$\boxed{\ \tilde g = F^{-1} g\ } \tag{10}$$
#
# the **natural gradient** (Amari 1998). In (9) only distributions occur, so the direction does not
# depend on the parameterisation. For $N(m, \text{sd} = s)$ the Fisher matrix in $(m, s)$ is
# $\mathrm{diag}(1, 2)/s^2$: the natural gradient multiplies by $s^2$, and takes long steps where $q$
# is wide.
#
# ### For exponential families it costs nothing
#
# A Fisher matrix, inverted at every step, sounds expensive. Now the miracle. Let the factor be in an
# exponential family with natural parameters η and statistics $t(z)$,
#
# $$q_\eta(z) = h(z)\, \exp\big(\eta^\top t(z) - A(\eta)\big), \qquad
# \nabla A(\eta) = E_q[t(z)], \qquad \nabla^2 A(\eta) = \mathrm{Cov}_q[t(z)] = F ,$$
#
# where the last equality follows from $\nabla_\eta \log q_\eta = t(z) - \nabla A(\eta)$, whose
# covariance is $F$ by definition. In a conditionally conjugate model the coordinate-ascent update
# has the same form (lesson 2), with some natural parameter that we call $\hat\eta$:
# $E_{-j}[\log p(x, z)] = \hat\eta^\top t(z) + \log h(z) + \text{const}$. So as a function of η the
# ELBO is
#
# $$\begin{aligned}
# \mathcal L(\eta) &= E_q\big[\hat\eta^\top t(z) + \log h(z)\big] - E_q\big[\eta^\top t(z)
#   - A(\eta) + \log h(z)\big] + \text{const} \\
# &= (\hat\eta - \eta)^\top \nabla A(\eta) + A(\eta) + \text{const} .
# \end{aligned}$$
#
# Differentiate, product rule first:
#
# $$\nabla \mathcal L = \nabla^2 A(\eta)\, (\hat\eta - \eta) - \nabla A(\eta) + \nabla A(\eta)
# = F\, (\hat\eta - \eta) .$$
#
# The gradient contains the Fisher matrix as a factor, and (10) divides it out:
#
# $$\boxed{\ \tilde g = \hat\eta - \eta\ } \qquad\text{so a step of size } \rho \text{ is}\qquad
# \eta \leftarrow \eta + \rho\, (\hat\eta - \eta) = (1 - \rho)\, \eta + \rho\, \hat\eta . \tag{11}$$
#
# *New minus old.* A step of size $\rho = 1$ is coordinate ascent itself: it has been natural
# gradient ascent all along, with the boldest step.
#
# How much does it matter? Take $q(\gamma) = \text{Gamma}(\alpha, \text{rate} = \beta)$, and let
# the optimum be $\hat\alpha = 50$, $\hat\beta = 25$. The mean $\alpha/\beta$ is well determined,
# the size of both is not: the ELBO has a long narrow ridge.

# %% tags=["demo"]
def fisher(lam):
    """Fisher matrix of a Gamma in (shape, rate)."""
    a, b = lam
    return np.array([[polygamma(1, a), -1 / b], [-1 / b, a / b**2]])


def lost(lam, target):
    """KL(Gamma(lam) || Gamma(target)): nats below the optimum."""
    at = [expfam.Gamma().natural(*p) for p in (lam, target)]
    return expfam.kl(expfam.Gamma(), *at)


def walk(target, natural, enough=0.01, most=20_000):
    """Path in (shape, rate), plain with the step 0.3/L or natural."""
    target = np.array(target)
    lam = target * np.array([0.25, 1.0])
    curvature = max(np.linalg.eigvalsh(fisher(at))[-1]
                    for at in (lam, target))
    path = [lam]
    while lost(lam, target) > enough and len(path) <= most:
        if natural:
            lam = svi.natural_gradient_step(lam, target, 0.2)
        else:
            lam = lam + fisher(lam) @ (target - lam) * 0.3 / curvature
        path.append(lam)
    return np.array(path)


walks = {}
print("    optimum       L_max/L_min    steps to 0.01 nats")
print("                                 plain   natural, ρ = 0.2")
for a in (8.0, 50.0, 500.0):
    target = (a, a / 2)
    low, high = np.linalg.eigvalsh(fisher(target))
    walks[a] = walk(target, False), walk(target, True)
    plain, natural = (len(path) - 1 for path in walks[a])
    print(f"Gamma({a:3.0f}, {a / 2:3.0f}) {high / low:14.0f} "
          f"{plain:12d} {natural:9d}")

# %% tags=["demo"]
fig, ax = plt.subplots(figsize=(6, 4.6))
alpha, beta = np.meshgrid(np.linspace(5, 75, 141), np.linspace(4, 40, 145))
height = lost((alpha, beta), (50.0, 25.0))
ax.contour(alpha, beta, height, levels=[0.03, 0.3, 1, 3, 10, 30],
           colors="0.6", linewidths=1)
for path, color, style, name in (
    (walks[50.0][0], plots.VERMILLION, "s-", "plain gradient"),
    (walks[50.0][1], plots.BLUE, "o-", "natural gradient, ρ = 0.2"),
):
    ax.plot(*path.T, style, color=color, ms=5, lw=1.2,
            label=f"{name}: {len(path) - 1} steps")
ax.plot(50, 25, "*", color=plots.BLACK, ms=15, label="optimum")
ax.set(xlabel="shape α", ylabel="rate β", xlim=(5, 75), ylim=(4, 40))
ax.legend(loc="lower right", fontsize=11, frameon=True, framealpha=1)
plots.show(fig, alt="Contours of the ELBO of a Gamma factor, a narrow ridge "
           "from lower left to upper right. The plain gradient reaches the "
           "ridge at once and then creeps along it, 1,023 steps in all; the "
           "natural gradient goes straight to the optimum in 17.")

# %% [markdown]
# The plain gradient needs four steps to the ridge and a thousand along it, and the more data, the
# narrower the ridge. (Longer steps than these $0.3/L$ make it jump across.) The natural gradient
# does not notice the ridge.
#
# <details><summary><b>Concept 5:</b> why may natural parameters be averaged, and means and sds not?</summary>
#
# By (11) the average of two natural parameters *is* the step. It is always valid, for the set of
# natural parameters is convex (between two positive precisions all are positive). And noise averages
# out in it: the average of the $\hat\eta$ of many batches is the $\hat\eta$ of all data, by (12) below.
# Averages of means and sds are a step, too, in another direction. But the average of two variances
# is not the variance that belongs to the average precision: after many noisy steps something
# remains.
# </details>
#
# ### Exercise 4.3 · A step along the natural gradient (4 points)
#
# Write the step (11). `eta` and `eta_hat` have the same shape, (P,) or (…, P) with one factor in
# each row; `rho` is a number from 0 to 1. Whole numbers are allowed.

# %% exercise="E4.3"
def natural_gradient_step(eta, eta_hat, rho):
    """Return the natural parameters after a step of size rho.

    eta: natural parameters now, (..., P).
    eta_hat: those of the coordinate-ascent update, (..., P).
    rho: step size, 0 <= rho <= 1. Returns (..., P).
    """
    ### BEGIN SOLUTION
    return (1 - rho) * eta + rho * eta_hat
    ### END SOLUTION

# %% check="E4.3" seed=4303

# %% [markdown] tags=["covers: B01 B02"]
# ## 6 · Stochastic variational inference
#
# One idea is left. In a conjugate model every observation *adds* something to the natural
# parameters: $\hat\eta = \eta_0 + \sum_i t_i$, prior plus one message for each datum. A sum over the
# data! So section 4 applies, word for word: from a minibatch,
#
# $$\hat\eta_{\mathcal B} = \eta_0 + \frac NB \sum_{i \in \mathcal B} t_i, \qquad
# E\big[\hat\eta_{\mathcal B}\big] = \hat\eta , \tag{12}$$
#
# and $\hat\eta_{\mathcal B} - \eta$ is an **unbiased natural gradient**. In words: pretend that the
# whole data set consisted of $N/B$ copies of the batch, compute the usual update, and go a part
# $\rho_t$ of the way. That is stochastic variational inference (Hoffman, Blei, Wang and Paisley
# 2013). Coordinate ascent needs all data for each sweep; this needs $B$.
#
# **The model of lesson 2.** $\mu \sim N(\mu_0, \text{prec} = \tau_0)$,
# $\gamma \sim \text{Gamma}(\alpha_0, \text{rate} = \beta_0)$,
# $x_i \sim N(\mu, \text{prec} = \gamma)$. The log density of $q(\mu)$ is
# $\tau_q \nu_q\, \mu - \frac12 \tau_q\, \mu^2$, so its natural parameters are, up to the constant
# factor $-\frac12$, which a mixture does not see, $(\tau_q \nu_q,\ \tau_q)$. Those of $q(\gamma)$,
# up to a constant shift and a sign, are $(\alpha_q, \beta_q)$. From the updates of lesson 2:
#
# $$\begin{aligned}
# \widehat{\tau\nu} &= \tau_0 \mu_0 + \frac NB\, E[\gamma] \sum_{i \in \mathcal B} x_i, &
# \hat\tau &= \tau_0 + \frac NB\, B\, E[\gamma], \\
# \hat\alpha &= \alpha_0 + \frac NB \cdot \frac B2, &
# \hat\beta &= \beta_0 + \frac NB \cdot \frac12 \sum_{i \in \mathcal B} \Big[(x_i - \nu_q)^2 +
# \frac{1}{\tau_q}\Big] .
# \end{aligned}$$
#
# Two of the four do not depend on the batch at all. Note what is averaged: the product
# $\tau_q \nu_q$, and not $\nu_q$; and that $E[\gamma] = \alpha_q/\beta_q$ and $(\nu_q, \tau_q)$ on the
# right are those of the present $q$.
#
# How good is it? Again $N = 20{,}000$ observations (those of section 2, now with unknown precision)
# and batches of 100, started from the prior. The exact posterior is known: $\mu$ can be integrated
# by hand, $\gamma$ by quadrature.

# %% tags=["demo", "covers: B01"]
prior = {"mu0": 0.0, "tau0": 1e-4, "alpha0": 1.0, "beta0": 1.0}
truth = oracles.GaussianGamma(x, **prior)
best = cavi.cavi_gaussian_gamma(x, prior)


def report(name, fit, touched):
    q_mu = fit["nu_q"], fit["tau_q"] ** -0.5
    q_gamma = (fit["alpha_q"] / fit["beta_q"],
               fit["alpha_q"] ** 0.5 / fit["beta_q"])
    gap = best["elbo"][-1] - fit["elbo"][-1]
    print(f"{name:15s}{touched:8,d}  {q_mu[0]:.3f} {q_mu[1]:.4f}"
          f"  {q_gamma[0]:.4f} {q_gamma[1]:.5f} {gap:6.3f}")


print("                            mean and sd   mean and sd    nats")
print("                touched        of μ          of γ        lost")
print(f"{'exact':23s}  {truth.mean[0]:.3f} {truth.sd[0]:.4f}"
      f"  {truth.mean[1]:.4f} {truth.sd[1]:.5f}")
report("CAVI", best, N * len(best["elbo"]))
report("CAVI, 1 sweep", cavi.cavi_gaussian_gamma(x, prior, max_iter=1), N)
runs = {}
for num_steps in (20, 200, 2000):
    runs[num_steps] = svi.svi_gaussian_gamma(
        x, prior, 100, 0.9, 1.0, num_steps, default_rng(46))
    report(f"SVI, {num_steps} steps", runs[num_steps], 100 * num_steps)

# %% tags=["demo", "covers: B01"]
marks = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
states = {t: svi.svi_gaussian_gamma(x, prior, 100, 0.9, 1.0, t,
                                    default_rng(46)) for t in marks}
around = np.linspace(4.5, 5.5, 801)
trace = best["elbo"][-1] - runs[2000]["elbo"]
seen = seen[seen < 2000]


def closing_in(fig, t):
    top, bottom = fig.subplots(2, 1)
    fit = states[t]
    top.fill_between(
        around,
        np.exp(densities.normal(around, truth.mean[0], truth.sd[0])),
        color=plots.BLACK, alpha=0.25, label="exact p(μ|x)")
    top.plot(around, np.exp(densities.normal(
        around, fit["nu_q"], fit["tau_q"] ** -0.5)),
        color=plots.BLUE, label="q(μ)")
    top.set(xlim=(4.5, 5.5), ylim=(0, 62), yticks=[], xlabel="μ")
    top.set_title(f"{100 * t:,} of 20,000 data touched" if t < 200 else
                  f"{100 * t:,} data touched", fontsize=13)
    top.legend(loc="upper right", fontsize=11)
    bottom.loglog(100 * times[seen], trace[seen], color=plots.SKY, lw=1)
    bottom.plot(100 * t, trace[t - 1], "o", color=plots.BLUE, ms=9)
    bottom.axvline(N, color=plots.BLACK, ls=":", lw=1.5)
    bottom.set(xlabel="data touched", ylabel="nats lost",
               ylim=(0.005, 1000))


flipbook(
    closing_in, marks, label="step {}", start=3, figsize=(6.0, 5.4),
    alt="Above, q(μ) of stochastic variational inference over the exact "
        "posterior: it soon has the right width, then wanders nearer until "
        "both coincide. Below, the distance of the ELBO from its optimum "
        "against the data touched: from 100 nats at the first step to a few "
        "hundredths after ten passes."
)

# %% [markdown]
# The sds are right after a few steps: they need no more than the *number* of data, which is known,
# and a rough γ. It is the mean that has to settle, within a width of 0.014. In this easy model
# coordinate ascent is done after two sweeps, and if one wants the last tenth of a nat it is the
# better choice. Section 1 shows the other kind of model.
#
# ### Exercise 4.4 · Stochastic variational inference (6 points)
#
# Write `svi_gaussian_gamma`. $q$ starts at the prior, $(\nu_q, \tau_q, \alpha_q, \beta_q) =
# (\mu_0, \tau_0, \alpha_0, \beta_0)$. In step $t = 1, \dots,$ `num_steps`
#
# 1. draw `batch_size` of the $N$ data **without replacement**, from the generator `rng`
#    (`rng.choice(N, size=batch_size, replace=False)` gives their numbers);
# 2. update $q(\mu)$: compute its $\hat\eta$ from the batch as above, and go
#    $\rho_t = (t + \text{delay})^{-\kappa}$ of the way;
# 3. update $q(\gamma)$ likewise, on the same batch, with the **new** $q(\mu)$;
# 4. note the ELBO of **all** data. (It costs a pass; one would not do it in earnest.)
#
# `prior` is a dict with `mu0`, `tau0`, `alpha0`, `beta0`. Return a dict with `nu_q`, `tau_q`,
# `alpha_q`, `beta_q`, those of the last step, and `elbo`, one value after each step. You may use
# your functions of this lesson and of lesson 2, or the library's `cavi.update_q_mu`,
# `cavi.update_q_gamma`, `cavi.elbo_gaussian_gamma` and `svi.natural_gradient_step`. Mind that the
# updates of lesson 2 take the batch for all data: it is what the batch *adds to the prior* that must
# be scaled.
#
# With `batch_size` $= N$ and $\kappa = 0$ this must be coordinate ascent: a test that you can make
# yourself. The check makes it, too. Its last part fits 300 sorted data by batches of 110, with
# κ = 0.9, delay 1, 600 steps: the mean ELBO of the last 60 steps must come within 0.05 nats of the
# optimum in one of three runs (a right answer does so in each; it typically loses 0.004).

# %% exercise="E4.4"
def svi_gaussian_gamma(x, prior, batch_size, kappa, delay, num_steps, rng):
    """Fit q(mu) q(gamma) by stochastic coordinate ascent.

    x: data, (N,); prior: dict with mu0, tau0, alpha0, beta0.
    batch_size: B, 1 <= B <= N; step sizes rho_t = (t + delay)^-kappa.
    num_steps: number of steps; rng: np.random.Generator for the batches.
    Returns a dict: nu_q, tau_q, alpha_q, beta_q, and elbo (num_steps,),
    the ELBO of all data in nats after each step.
    """
    ### BEGIN SOLUTION
    eta_mu_0 = np.array([prior["tau0"] * prior["mu0"], prior["tau0"]])
    eta_gamma_0 = np.array([prior["alpha0"], prior["beta0"]], dtype=float)
    eta_mu, eta_gamma, elbo = eta_mu_0, eta_gamma_0, []
    scale = len(x) / batch_size
    for t in range(1, num_steps + 1):
        rho = (t + delay) ** -kappa
        batch = x[rng.choice(len(x), size=batch_size, replace=False)]

        E_gamma = eta_gamma[0] / eta_gamma[1]
        added = E_gamma * np.array([np.sum(batch), batch_size])
        eta_mu = (1 - rho) * eta_mu + rho * (eta_mu_0 + scale * added)

        nu_q, tau_q = eta_mu[0] / eta_mu[1], eta_mu[1]
        squares = np.sum((batch - nu_q) ** 2 + 1 / tau_q)
        added = 0.5 * np.array([batch_size, squares])
        eta_gamma = (1 - rho) * eta_gamma
        eta_gamma = eta_gamma + rho * (eta_gamma_0 + scale * added)

        q = dict(nu_q=nu_q, tau_q=tau_q,
                 alpha_q=eta_gamma[0], beta_q=eta_gamma[1])
        elbo.append(cavi.elbo_gaussian_gamma(x, **prior, **q))
    return {**q, "elbo": np.array(elbo)}
    ### END SOLUTION

# %% check="E4.4" seed=4404

# %% [markdown]
# <details><summary><b>Concept 6:</b> the mixture of section 1 has a responsibility for each of its 20,000
# data. What becomes of those that are not in the batch?</summary>
#
# Nothing, and that is the point. Responsibilities are **local** variables: each belongs to one
# datum, and given the means it has a closed form. A step computes those of the batch afresh and
# throws them away afterwards; only the **global** variables, the means, are remembered. So the memory
# needed does not grow with the data.
# </details>
#
# ## 7 · Where this breaks
#
# **Steps that shrink too fast for the curvature.** On the same noisy quadratic, κ = 1 with three
# values of $\rho_0 L$. All three fulfil (6).

# %% tags=["demo", "covers: D04"]
print("ρ0·L    mean error      sd   after 10,000 steps, from 4")
for scale in (0.1, 0.5, 1.0, 2.0):
    mean, var = 4.0, 0.0
    for rate in svi.robbins_monro_rate(times, scale, 1.0, 1.0):
        mean, var = (1 - rate) * mean, (1 - rate) ** 2 * var + rate**2
    print(f"{scale:4.1f} {mean:13.5f} {np.sqrt(var):8.5f}")

# %% [markdown]
# Below $\rho_0 L = \frac12$ the start is hardly forgotten; at 1 the schedule does just what the
# average of all gradients would. Natural gradients help here, too: by (11) the error of η shrinks by
# exactly $1 - \rho$ as long as $\hat\eta$ stays put. So $L = 1$ and $\rho_0 = 1$, whatever the model.
#
# **Batches that are not random.** Equation (7) needs each row to be equally likely. Files are
# sorted more often than one thinks. Here the 20,000 data are sorted, and the batches are taken in
# order, one pass after the other: the noise is no noise any more, but a tide.

# %% tags=["demo"]
def in_order(data, size, kappa, num_steps):
    """Means of q(mu) with known precision, batches in order."""
    eta, means = np.array([0.0, 1e-4]), []
    for t in range(1, num_steps + 1):
        first = (t - 1) * size % len(data)
        total = np.sum(data[first:first + size]) * len(data) / size
        eta_hat = np.array([total, len(data)]) / NOISE**2
        eta = svi.natural_gradient_step(
            eta, eta_hat, svi.robbins_monro_rate(t, 1.0, kappa, 1.0))
        means.append(eta[0] / eta[1])
    return np.array(means)


fig, ax = plt.subplots(figsize=(6, 3.8))
shuffled = default_rng(47).permutation(x)
for data, name, color, style in (
    (np.sort(x), "sorted", plots.VERMILLION, "--"),
    (shuffled, "shuffled once", plots.BLUE, "-"),
):
    means = in_order(data, 100, 0.7, 1000)
    ax.plot(np.arange(1, 1001) * 100 / N, means, style, color=color,
            label=name, lw=1.5)
    print(f"{name:14s} after five passes: error "
          f"{abs(means[-1] - mean_N) / sd_N:6.1f} posterior sds")
ax.axhline(mean_N, color=plots.BLACK, lw=1, ls=":")
ax.set(xlabel="passes through the data", ylabel="mean of q(μ)",
       ylim=(0, 10))
ax.legend(loc="upper right")
plots.show(fig, alt="The mean of q against the passes through the data. With "
           "shuffled data it stays at 5; with sorted data it rises and falls "
           "with every pass, by 3 units at first, and is still nearly one "
           "unit too high after five passes.")

# %% [markdown]
# **A noisy ELBO is no stopping rule.** The ELBO of a batch goes up and down by far more than it
# gains; and with κ > 1 even a perfectly quiet trace says nothing. Look at averages over windows, on
# fresh or held-out data.
#
# **No conjugacy.** Section 5's gift needs closed-form updates. Without them natural gradients can
# still be used, with $F$ computed and inverted; or one takes plain gradients with an adaptive rule,
# which lessons 5 to 7 do.
#
# **Underestimation stays.** SVI converges to the same mean-field optimum as coordinate ascent, with
# all the faults that it has.
#
# ## Summary
#
# - Gradient ascent on curvature $L$ converges exactly for $0 < \rho < 2/L$.
# - With noise, a constant step leaves a cloud of variance $\rho s^2 / (L(2 - \rho L))$. Steps with
#   $\sum \rho_t = \infty$ forget the start, $\sum \rho_t^2 < \infty$ quiets the noise; for powers of
#   $t$ both hold for $\frac12 < \kappa \le 1$.
# - A minibatch gradient is $N/B$ times the likelihood's part, plus prior and entropy once. Without
#   the factor the fit is $\sqrt{N/B}$ times too wide, with the right mean.
# - The natural gradient measures steps by KL. For conjugate exponential families it is
#   $\hat\eta - \eta$, and coordinate ascent is its step of size 1.
# - SVI: update from a batch as if it were $N/B$ copies, go $\rho_t$ of the way. It wins as long as one
#   would otherwise wait for the first sweeps; for the last digits, coordinate ascent.
#
# ## Open question (5 points)
#
# **Constant steps and averaging.** A colleague never lets the step size shrink. She takes a
# constant ρ, waits until the trace looks flat, and then reports the *average* of the following
# iterates. Does this work? Discuss, with (4) and (5): what the single iterates do, how fast the start
# is forgotten, what the average converges to on a quadratic, and what may go wrong if the ELBO is not
# quadratic, or if she starts averaging too early. How would you choose ρ? Would you prefer her method
# to a Robbins-Monro schedule? About ten sentences.

# %% [markdown] open="O4" points=5
# <!-- BEGIN SOLUTION -->
# With a constant ρ < 2/L the start is forgotten geometrically, like $(1 - \rho L)^t$, much faster than
# by any power of $t$; but the iterates do not converge: they keep dancing about the optimum with
# variance $\rho s^2 / (L(2 - \rho L))$, whatever $t$ is (1 point for both statements).
#
# On a quadratic the mean of this stationary cloud is the optimum itself: by (4) $E[e_t] \to 0$. So the
# average converges, with a variance of about $s^2 / (L^2 T)$ for $T$ iterates, no matter which ρ was
# chosen; that is as good as the best schedule with κ = 1, without having to know $L$ (1 point for the
# centre, 1 for the rate, or for saying that neighbouring iterates are correlated, so that $T$ iterates
# count as fewer: about $T \rho L / 2$).
#
# Two things go wrong. If the ELBO is not quadratic, the mean of the cloud is not the optimum: where one
# side is steeper the cloud sits on the flat side, an error of the order of ρ that no averaging removes.
# It also depends on the parameterisation: the average of sds is not the exponential of the average of
# log sds. And iterates from before the cloud is reached spoil the average, like $1/T$: they must be left
# out, or given little weight (1 point for one of the two with its reason).
#
# Choice of ρ: large enough to forget the start within the budget, $\rho L T \gg 1$, small enough for the
# bias; in practice halve ρ and see whether the average moves, or combine both: slowly falling steps
# (κ near ½ to 0.7) with averaging (Polyak and Juditsky), which is robust against a badly known $L$ (1
# point for a reasoned preference; either one).
# <!-- END SOLUTION -->

# %% [markdown]
# ## References
#
# - H. Robbins, S. Monro, *A stochastic approximation method*, Annals of Mathematical Statistics 22,
#   1951: the conditions, our (6). See also Bishop, *Pattern Recognition and Machine Learning*, 2006,
#   section 2.3.5.
# - M. Hoffman, D. Blei, C. Wang, J. Paisley, *Stochastic variational inference*, JMLR 14, 2013: natural
#   gradients of the ELBO, sections 2.2 and 2.3; the algorithm and its step sizes, section 2.4.
# - S. Amari, *Natural gradient works efficiently in learning*, Neural Computation 10, 1998: our (10).
# - D. Blei, A. Kucukelbir, J. McAuliffe, *Variational Inference: A Review for Statisticians*, JASA 112,
#   2017, section 4.3.
# - L. Bottou, F. Curtis, J. Nocedal, *Optimization methods for large-scale machine learning*, SIAM Review
#   60, 2018: convergence with constant and shrinking steps, section 4.
# - B. Polyak, A. Juditsky, *Acceleration of stochastic approximation by averaging*, SIAM Journal on
#   Control and Optimization 30, 1992. S. Mandt, M. Hoffman, D. Blei, *Stochastic gradient descent as
#   approximate Bayesian inference*, JMLR 18, 2017: what constant steps do.
