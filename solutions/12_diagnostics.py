# %% [markdown]
# # 12 · Knowing when it is wrong
#
# Every method of this course returns an answer, whatever you feed it. It returns means, sds and an
# ELBO with a standard error, in the same number of digits when it is right and when it is not. This
# last lesson is about telling the two apart: looking at the run, at the approximation, at the whole
# procedure and at the model, each with the test that can see it, and knowing what no test sees.
#
# **You will be able to**
#
# - say from a trace whether a run has arrived, and what thinning and averaging do to its noise;
# - fit the tail of importance weights, and read $\hat k$: what it promises and what it is blind to;
# - recognise when it is the *optimizer* that has changed the answer;
# - calibrate a whole procedure on simulated data, and read a rank histogram;
# - ask the model for data and compare them with your own;
# - put a diagnosis to a broken fit, and then repair one from beginning to end.
#
# **Before you start:** lessons 1, 2, 4 and 7; the others help in the clinic.
#
# **Time** about 170 minutes, and an afternoon for the capstone · **Points** 28 for five exercises,
# 20 for the capstone.
#
# | exercise | you write | about | difficulty | points |
# |---|---|---|---|---|
# | E12.1 | the Pareto shape $\hat k$ of importance weights | 35 min | ●●● | 6 |
# | E12.2 | has the run arrived? the mean of its iterates | 20 min | ●○○ | 4 |
# | E12.3 | a posterior predictive p-value | 10 min | ●○○ | 4 |
# | E12.4 | simulation-based calibration | 20 min | ●●○ | 6 |
# | E12.5 | the clinic: a rule that names eight ailments | 35 min | ●●○ | 8 |
#
# An exercise is one function or two: replace `raise NotImplementedError` by your code, run the
# cell, then run the check below it. The check says which part is right and, where it can, which
# mistake was made. Everything else in this notebook runs without your answers.

# %%
import autograd.numpy as np
import matplotlib.pyplot as plt
from scipy import stats

from autograder.checks import check
from vi_lib import MeanField, Model, Param, advi, clinic, datasets
from vi_lib import densities, diagnostics, fit, optimizers, oracles
from vi_lib import plots, predictive
from vi_lib.flipbook import flipbook

plots.use_style()
np.set_printoptions(precision=4, suppress=True)
default_rng = np.random.default_rng

# %% [markdown]
# | symbol | in code | meaning |
# |---|---|---|
# | $\theta$ | `theta` | what is unknown; $\theta_0$ is the true value in a simulation |
# | $y$, $y^{\text{rep}}$ | `y`, `y_rep` | data, and data that the fitted model makes |
# | $w_s$ | `log_w` (S,) | importance weights $p(x, \theta_s) / q(\theta_s)$ of draws of $q$; code holds their logarithms |
# | $k$, $\hat k$ | `khat` | shape of the tail of the weights, and its estimate |
# | $T(y)$ | `stat` | a number that describes a data set |
# | $\mathcal L(\lambda)$ | `elbo` | evidence lower bound, in nats; we maximise it |

# %% [markdown] tags=["covers: D37"]
# ## 1 · A fit that looks fine
#
# Here is Neal's funnel in two dimensions: $v \sim N(0, \text{sd} = 3)$ and, given $v$,
# $x \sim N(0, \text{sd} = e^{v/2})$. A hierarchical model looks like that: $v$ is the log variance
# of a group, $x$ an effect in it. The density is normalised, so the log evidence is 0, and we know
# every moment. We fit a mean-field Gaussian, as one does.

# %% tags=["demo", "covers: D37"]
funnel = oracles.Funnel(2)
neck = fit(funnel.log_joint, MeanField(2), num_draws=20, rng=default_rng(1),
           progress=False)
print(neck.status.value)
print(f"ELBO {neck.elbo:.2f} ± {neck.elbo_se:.2f}, log evidence 0")
print(f"v: mean {neck.mean[0]:6.2f}, sd {neck.sd[0]:.2f}   "
      f"exact mean 0.00, sd {funnel.sd[0]:.2f}")
print(f"x: mean {neck.mean[1]:6.2f}, sd {neck.sd[1]:.2f}   "
      f"exact mean 0.00, sd {funnel.sd[1]:.2f}")
fig, (top, bottom) = plt.subplots(2, 1, figsize=(6, 7.2))
plots.elbo_trace(top, neck.history[:, 0], color=plots.BLUE, window=20)
top.set_ylim(-3.0, 0.0)
top.set_title("The trace: flat, so it has converged", loc="left")
plots.contours(bottom, funnel.log_joint, (-12, 12), (-9, 9), num=161,
               mass=(0.5, 0.8, 0.95), label="funnel")
plots.ellipse(bottom, neck.mean, np.diag(neck.sd**2), mass=0.95,
              color=plots.VERMILLION, label="q")
bottom.set(xlim=(-9, 9), ylim=(-12, 12), xlabel="v", ylabel="x")
bottom.set_title("The fit: it holds a small part", loc="left")
bottom.legend(loc="upper left")
plots.show(fig, alt="Top: an ELBO trace that rises quickly and is flat from "
           "iteration 200 on. Bottom: the funnel, narrow on the left and wide "
           "open on the right, and the small ellipse of q in its middle, "
           "which covers neither the neck nor the mouth.")

# %% [markdown] tags=["covers: D37"]
# The run has converged, the ELBO is known to a few hundredths, the means are right. And yet $q$'s sd
# of $v$ is less than half of the true one, that of $x$ a fourteenth. *Converged* says that the search for
# the best member of the family is over. It does not say that the best member is any good.
#
# So there are four questions, and each has tests that the others cannot replace.
#
# | question | about | test | section |
# |---|---|---|---|
# | Has the run arrived? | the optimizer | ELBO trace with error bars, restarts | 2 |
# | Does $q$ cover the posterior? | the family | $\hat k$, richer families, exact answers on small problems | 3 |
# | Is what arrives what was meant? | the program | more draws, no data, twice the data, calibration | 4, 5 |
# | Do the data look like the model's? | the model | predictive checks, held-out data | 6 |
#
# Probabilistic programming divides its work in the same manner. **Modelling**: write the program
# that could have made the data. **Inference**: a guide and an optimizer. **Criticism**: predictive
# distributions, importance weights, simulated data, held-out scores. Pyro's documentation has a
# chapter for each, and so have the manuals of its relatives; the third is the shortest in all of
# them, and the one that is left out when time is short.
#
# <details><summary><b>Concept 1:</b> which of the four questions does the ELBO itself answer?</summary>
#
# The first, by its trace. Its *value* answers none by itself: it is the log evidence minus
# $\mathrm{KL}(q\,\Vert\,p)$, and we know neither. Only differences mean something: of two families
# on the same model and data (the higher is closer to the posterior), or, with care, of two models
# (if both gaps are small). Here an ELBO of −0.8 means a KL of 0.8 nats only because we happen to
# know that the evidence is 1.
# </details>

# %% [markdown] tags=["covers: B05"]
# ## 2 · Has the run arrived?
#
# The model of lesson 7: 100 data, $\mu \sim N(0, \text{sd}=1)$, $\sigma \sim$ HalfNormal(1),
# $y_i \sim N(\mu, \sigma)$, fitted by ADVI with **one** draw a step, as was usual when the method was
# young. Each value of the trace is then one draw of $\log p - \log q$, and jumps by the sd of that
# difference. Published notebooks plot every tenth value to make the picture calmer. Does it?

# %% tags=["demo", "covers: B05"]
y = datasets.load("normal_100")["x"]
gauss = Model(
    {"mu": Param(), "sd": Param(support="positive")},
    lambda t: densities.normal(t["mu"]) + densities.half_normal(t["sd"]),
    lambda t, y: densities.normal(y, t["mu"][:, None], t["sd"][:, None]),
    y,
    simulate=lambda t, y, rng: t["mu"][:, None]
    + t["sd"][:, None] * rng.standard_normal((len(t["mu"]), len(y))),
)
iterates = []
noisy = advi(gauss, num_draws=1, optimizer=optimizers.adam(0.05), stop=None,
             max_iters=3000, rng=default_rng(6), progress=False,
             callbacks=[lambda record: iterates.append(record.lam.copy())])
trace = noisy.history[:, 0]
late = trace[1500:]
tens = late.reshape(-1, 10).mean(axis=1)
thinned = [np.std(late[start::10]) for start in range(10)]
print(f"sd of single values       {np.std(late):.3f} nats")
print(f"sd of every tenth         {min(thinned):.3f} to {max(thinned):.3f}, "
      "depending on the first")
print(f"sd of means of ten        {np.std(tens):.3f}, "
      f"{np.std(late) / 10**0.5:.3f} if all were independent")
middle, mean, se = diagnostics.elbo_windows(trace, 100)
print("means of 100, and their standard errors")
for start in (501, 601, 701, 801, 901, 2701):
    at = start // 100
    print(f"  from {start:4d} on   {mean[at]:.2f} ± {se[at]:.2f}")
fig, axes = plt.subplots(3, 1, figsize=(6, 7.4), sharex=True)
axes[0].plot(np.arange(1, 3001), trace, color=plots.SKY, lw=0.6)
axes[1].plot(np.arange(1, 3001, 10), trace[::10], color=plots.SKY, lw=0.8)
axes[2].errorbar(middle, mean, 2 * se, fmt="o", ms=4, color=plots.BLUE,
                 capsize=2)
for ax, title in zip(axes, ("every value", "every tenth value",
                            "means of 100, ± 2 standard errors"),
                     strict=True):
    ax.set(ylim=(-156, -150), ylabel="ELBO (nats)")
    ax.set_title(title, loc="left")
axes[2].set(xlabel="iteration", ylim=(-153.2, -151.6))
plots.show(fig, alt="Three views of one ELBO trace. Every value: a broad "
           "band. Every tenth value: a thinner looking band of the same "
           "height. Means of 100 values with error bars: a rise in the first "
           "800 iterations, then a level line within three tenths of a nat.")

# %% [markdown] tags=["covers: B05"]
# Thinning throws nine values of ten away and keeps the noise of the tenth: the band has the same
# height, and only looks calmer because less ink is in it. **Averaging** ten divides the sd by nearly
# $\sqrt{10}$ (a little less, since the iterates wobble slowly and neighbours are alike). On the
# lowest panel one can read what the others hide: the run rises until iteration 800 or so. Later the
# means differ by about their standard errors, with one exception among twenty, near 2750: for the
# same reason the bars, which take the 100 values as independent, are a little short. Two rules follow.
#
# 1. **Look at windows, with error bars.** A trace is flat when neighbouring windows agree within
#    about two standard errors, at more than one window length.
# 2. **Every ELBO has a standard error.** State it. The difference of two ELBOs is meaningless
#    below it.
#
# A stopping rule can do this for you. The simplest compares the means of the last two windows,
# relative to their size:
#
# $$\big|\bar{\mathcal L}_{\text{last}} - \bar{\mathcal L}_{\text{before}}\big|
# \;\le\; \texttt{rel\_tol} \cdot \big|\bar{\mathcal L}_{\text{last}}\big| . \tag{1}$$
#
# The absolute value on the right is there because ELBOs are mostly negative. One wild value, a
# **spike**, moves the mean of its window a long way and the median hardly at all; a rule should not
# be upset by it. And a rule relative to the ELBO has a weak spot: an ELBO near 0.

# %% tags=["demo", "covers: B05"]
def agreement(values, rel_tol=0.005, window=100):
    """Where rule (1) first holds, and the share of later checks it holds."""
    checks = np.array([diagnostics.has_converged(values[:k], window, rel_tol)
                       for k in range(200, len(values) + 1, 20)])
    return 200 + 20 * int(np.argmax(checks)), np.mean(checks[65:])


for shift in (0.0, 100.0, 151.9, -10_000.0):
    first, later = agreement(trace + shift)
    print(f"ELBO near {np.mean(late) + shift:9.2f}: rule (1) first holds at "
          f"iteration {first:4d}, and at {later:4.0%} of the checks from "
          f"1500 on")

# %% [markdown]
# Adding a constant to $\log p$ changes nothing about the fit, and everything about rule (1). Near
# −10,000 it is content at once, long before the run has arrived; near 0 it hardly ever is, and what
# it says is chance. `vi_lib.stopping.plateau` compares the difference with its own standard error,
# at two window lengths, and has no such spot.
#
# ### What to report
#
# With a constant step size the last iterate is one point of a cloud around the optimum. The mean of
# the iterates after the way in (the **burn**) is closer than any one of them (lesson 4), if one
# averages the numbers that are optimised: $\mu$ and $\log\sigma$, not $\sigma$.

# %% tags=["demo"]
best = advi(gauss, rng=default_rng(7), progress=False, num_draws=50)
averaged = diagnostics.average_iterates(np.array(iterates), burn=1500)
print("mean of mu and log sigma, log sd of both")
for name, lam in (("careful fit", best.lam), ("last iterate", iterates[-1]),
                  ("mean of 1500", averaged)):
    print(f"  {name:13s}", " ".join(f"{v:8.4f}" for v in lam))
off = np.abs(np.array(iterates[1500:]) - best.lam).mean(axis=0)
print("off, on average:   an iterate ",
      " ".join(f"{v:.4f}" for v in off))
print("off: the mean of 1500 iterates",
      " ".join(f"{v:.4f}" for v in np.abs(averaged - best.lam)))
blocks = np.array(iterates[1500:]).reshape(10, 150, 4).mean(axis=1)
print("its standard error, by blocks",
      " ".join(f"{v:.4f}" for v in blocks.std(axis=0, ddof=1) / 10**0.5))

# %% [markdown]
# The means gain a factor of five and more, the log sds hardly two, though 1500 independent values
# would give one of thirty-nine. Neighbouring iterates are alike: 1500 of them count like a few
# hundred for the means and like twenty for the log sds. The last line says so without the right answer: cut the iterates into ten blocks; the
# scatter of the blocks' means, over $\sqrt{10}$, is the standard error of their mean. What is left is
# noise, one to three of these (a little short, since the blocks touch). Averaging removes noise only;
# section 4 has an error that it leaves as it is.
#
# ### Exercise 12.2 · Has it arrived? (4 points)
#
# Write two functions. (Exercise 12.1 follows in the next section.)
#
# `has_converged` is rule (1) on the last two windows: the trace has converged if their **means** or
# their **medians** agree to `rel_tol`, relative to the size of the ELBO; so a single spike in either
# window does not undo what both medians show. It must not matter whether the trace rises or falls,
# or which sign the ELBO has. A trace shorter than two windows has not converged. (Medians alone
# will do as well.)
#
# `average_iterates` is the mean of the iterates without the first `burn` ones; `burn` is a count.

# %% exercise="E12.2"
def has_converged(elbo_trace, window, rel_tol):
    """Return whether the last two windows of an ELBO trace agree.

    elbo_trace: (K,), nats, of either sign; window: iterations in one;
    rel_tol: largest difference, relative to the size of the ELBO.
    Returns True or False; False if K < 2 * window.
    """
    ### BEGIN SOLUTION
    trace = np.asarray(elbo_trace, dtype=float)
    if len(trace) < 2 * window:
        return False
    last, before = trace[-window:], trace[-2 * window:-window]
    return bool(any(
        abs(centre(last) - centre(before)) <= rel_tol * abs(centre(last))
        for centre in (np.mean, np.median)
    ))
    ### END SOLUTION


def average_iterates(params, burn):
    """Return the mean of the iterates after the first `burn`.

    params: (K, P), one row an iteration; burn: a count, 0 <= burn < K.
    Returns (P,).
    """
    ### BEGIN SOLUTION
    return np.mean(np.asarray(params, dtype=float)[burn:], axis=0)
    ### END SOLUTION

# %% check="E12.2" seed=12201

# %% [markdown]
# <details><summary><b>Concept 2:</b> eight restarts end at the same ELBO, within its standard error.
# Have you found the global optimum?</summary>
#
# You have found an optimum that is easy to reach from where you start. Eight starts from
# N(0, 1) all know the same valley; disperse them widely, over the prior. If restarts end at
# *different* places, though, you have learnt something for certain: the answer depends on the
# start, and the highest ELBO is the best of those tried, and no more.
# </details>

# %% [markdown]
# ## 3 · Does q cover the posterior?
#
# Give each draw of $q$ the weight that would make up for its having come from the wrong
# distribution, $w_s = p(x, \theta_s)/q(\theta_s)$. If $q$ is the posterior, all weights are equal. If
# $q$ is too narrow somewhere, then few draws come there, and those that do have enormous weights.
# The question "is $q$ good?" becomes a question about the **tail of the weights**, and that is
# something one can measure.
#
# ### A case where everything is known
#
# Let $p = N(0, 1)$ and $q = N(0, \text{sd} = s)$. A draw is $\theta = s\varepsilon$, and
#
# $$\log w = \log\frac{p}{q} = \log s - \frac{\theta^2}{2} + \frac{\theta^2}{2 s^2}
# = \log s + \frac{1 - s^2}{2}\,\varepsilon^2 .$$
#
# For $s > 1$ no weight exceeds $s$. For $s < 1$ the weight is the larger the further out the draw
# is. How often does it exceed $t$?
#
# $$P(w > t) = P\Big(\varepsilon^2 > c\Big), \quad c = \frac{2 \log (t/s)}{1 - s^2}; \qquad
# P(\varepsilon^2 > c) \approx \sqrt{\frac{2}{\pi c}}\; e^{-c/2} \quad \text{for large } c,$$
#
# so that, up to the slowly varying root,
#
# $$P(w > t) \approx \Big(\frac{t}{s}\Big)^{-1/(1 - s^2)} . \tag{2}$$
#
# A power law: a **Pareto tail** $t^{-1/k}$ with the shape $k = 1 - s^2$. Its $r$-th moment exists
# only if $k < 1/r$. So $k < \frac12$ means that the weights have a variance, and $k < 1$ that they
# have a mean. (They always have: it is the evidence. But for $k$ near 1 no number of draws that you
# can afford will find it.) Practice draws lines at **0.5** (good) and **0.7** (beyond it not even
# smoothed weights help, with thousands of draws): experience, not theorem. With fewer draws $S$ the
# second line is lower, at $1 - 1/\log_{10} S$; that is the 0.67 in what `Result.trust` prints, which
# uses 1000. In (2) $k = 0.7$ stands for $s = 0.55$, a $q$ whose sd is little more than half of the
# right one.

# %% tags=["demo"]
widths = np.array([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97])
rng = default_rng(12)
found = []
for s in widths:
    e2 = rng.standard_normal((30, 2000)) ** 2
    found.append([diagnostics.khat(0.5 * (1 - s**2) * row) for row in e2])
found = np.array(found)
fig, ax = plt.subplots(figsize=(6, 4.6))
for low, high, color, name in ((-0.3, 0.5, plots.GREEN, "good"),
                               (0.5, 0.7, plots.YELLOW, "reweigh"),
                               (0.7, 1.4, plots.VERMILLION, "stop")):
    ax.axhspan(low, high, color=color, alpha=0.22, lw=0)
    ax.text(1.03, min(high, 1.25) - 0.02, name, ha="right", va="top",
            fontsize=13)
fine = np.linspace(0.25, 1.0, 100)
ax.plot(fine, 1 - fine**2, color=plots.BLACK, label="exact, 1 − s²")
ax.errorbar(widths, found.mean(axis=1), 2 * found.std(axis=1), fmt="o",
            color=plots.BLUE, capsize=3, label="k-hat of 2000 draws, ± 2 sd")
ax.set(xlabel="sd of q, relative to the right one", ylabel="k-hat",
       ylim=(-0.3, 1.25), xlim=(0.25, 1.05))
ax.legend(loc="lower left", fontsize=11)
for s, row in zip(widths[:6], found[:6], strict=True):
    print(f"s = {s:.2f}: exact k {1 - s**2:.2f}, "
          f"k-hat {row.mean():.2f} ± {row.std():.2f}")
plots.show(fig, alt="k-hat against the sd of q in three coloured zones: good "
           "below 0.5, reweigh up to 0.7, stop above. The exact curve falls "
           "from 0.94 at a quarter of the right sd to 0 at the right one; "
           "estimates from 2000 draws lie near it, a little below for the "
           "narrowest.")

# %% [markdown]
# The traffic light works, and it is a matter of *one number from draws that you have anyway*. For
# the narrowest $q$ the estimate is too low: from 2000 draws one has not seen the worst.
#
# The best mean-field fit of two correlated Gaussians has an exact answer, too. With correlation
# $\rho$ its sds are $\sqrt{1 - \rho^2}$ (lesson 2), so $\theta = \sqrt{1-\rho^2}\,\varepsilon$, and
# with the precision matrix $\Lambda = \frac{1}{1-\rho^2}\begin{pmatrix} 1 & -\rho\\ -\rho & 1\end{pmatrix}$
#
# $$\log w = \text{const} - \tfrac12\,\theta^\top\Lambda\theta + \tfrac12\,\varepsilon^\top\varepsilon
# = \text{const} + \rho\,\varepsilon_1\varepsilon_2
# = \text{const} + \tfrac{\rho}{2}\big(u^2 - v^2\big),
# \qquad u, v = \frac{\varepsilon_1 \pm \varepsilon_2}{\sqrt 2} .$$
#
# By the computation above, with $\rho$ in the place of $1 - s^2$: **the shape is the correlation**,
# $k = |\rho|$. Mean field is in the green below a correlation of one half and in the red above 0.7.
#
# ### Fitting the tail
#
# The largest weights, minus the threshold at which the tail begins, follow a generalised Pareto
# distribution whatever the distribution of the weights was (Pickands' theorem: the same for all
# tails, as the Gaussian is for all sums). Its density is
#
# $$f(x) = \frac1\sigma\Big(1 + \frac{k x}{\sigma}\Big)^{-1/k - 1}, \qquad x > 0 .$$
#
# Maximum likelihood has no closed form in two parameters; but change them. Put $\theta = -k/\sigma$
# (in this section the letter means this and not the unknowns), so $1/\sigma = -\theta/k$. The log
# likelihood of $x_1 \dots x_n$ is
#
# $$\ell(k, \theta) = n \log\Big(\!-\frac{\theta}{k}\Big)
# - \Big(\frac1k + 1\Big)\sum_i \log(1 - \theta x_i) .$$
#
# For given $\theta$ the derivative in $k$ is
# $-\frac nk + \frac1{k^2}\sum_i \log(1 - \theta x_i)$, and it vanishes at
#
# $$k(\theta) = \frac1n \sum_i \log(1 - \theta x_i) . \tag{3}$$
#
# Insert this: the sum is $n k$, so the second term becomes $-n(1 + k)$, and what is left is a
# function of one number,
#
# $$\ell(\theta) = n\Big[\log\Big(\!-\frac{\theta}{k(\theta)}\Big) - k(\theta) - 1\Big] . \tag{4}$$
#
# Its maximum is unstable in small samples. Zhang and Stephens take the *mean* of $\theta$ under
# weights proportional to $e^{\ell(\theta)}$ on a fixed grid: a posterior mean in all but name.
#
# ### Exercise 12.1 · k-hat (6 points)
#
# Write `psis_khat(log_w)`, in these steps.
#
# 1. Subtract the largest log weight from all, and exponentiate. (A scale does not matter to $k$, and
#    now nothing overflows.)
# 2. The tail are the $n = \lceil \min(S/5,\ 3\sqrt S) \rceil$ largest of the $S$ weights; the cutoff
#    is the largest weight that is *not* in it. Subtract it: $x_i = w_i - \text{cutoff}$, ascending.
#    (Drop an $x_i$ that is 0; then $n$ is the number of those left.)
# 3. With $m = 30 + \lfloor\sqrt n\rfloor$ and $x_*$ the $\lfloor n/4 + \frac12\rfloor$-th smallest
#    $x$, the grid is, for $j = 1 \dots m$,
#
# $$\theta_j = \frac{1}{x_{\max}} + \frac{1}{3 x_*}\Big(1 - \sqrt{\frac{m}{j - \frac12}}\Big) .$$
#
# 4. Evaluate (3) and (4) at each, weigh by $e^{\ell(\theta_j)}$ (normalised; mind exercise 1.5),
#    and take the weighted mean $\hat\theta$.
# 5. $k$ is (3) at $\hat\theta$. A tail of 20 says little, so add ten imaginary observations with
#    $k = \frac12$: $\ \hat k = (n k + 10 \cdot \frac12)/(n + 10)$.
#
# Return $\hat k$. There are at least 25 weights, and they are not all equal. Another estimator of
# the same tail is accepted if it is within 0.1.

# %% exercise="E12.1"
def psis_khat(log_w):
    """Return the Pareto shape k-hat of importance weights.

    log_w: (S,), log p(x, theta) - log q(theta), nats, in any order; the
    scale of the weights does not matter. S >= 25.
    Returns a number; above 0.7 is bad.
    """
    ### BEGIN SOLUTION
    log_w = np.asarray(log_w, dtype=float)
    w = np.sort(np.exp(log_w - np.max(log_w)))
    size = int(np.ceil(min(len(w) / 5, 3 * np.sqrt(len(w)))))
    cutoff = max(w[-size - 1], 1e-307)
    x = w[w > cutoff] - cutoff
    n = len(x)
    m = 30 + int(np.sqrt(n))
    j = np.arange(1, m + 1)
    quarter = x[int(n / 4 + 0.5) - 1]
    grid = 1 / x[-1] + (1 - np.sqrt(m / (j - 0.5))) / (3 * quarter)
    k = np.mean(np.log1p(-grid[:, None] * x), axis=1)
    log_lik = n * (np.log(-grid / k) - k - 1)
    weight = np.exp(log_lik - np.max(log_lik))
    best = np.sum(grid * weight) / np.sum(weight)
    k = np.mean(np.log1p(-best * x))
    return (n * k + 10 * 0.5) / (n + 10)
    ### END SOLUTION

# %% check="E12.1" seed=12101

# %% [markdown]
# ### What k-hat is blind to
#
# A light is green as long as nobody looks at what it does not show. Four cases, with the exact
# error beside each:

# %% tags=["demo"]
rng = default_rng(33)


def report(name, log_w, truth):
    print(f"{name:38s}{diagnostics.khat(log_w):7.2f}   {truth}")


eps = rng.standard_normal(4000)
print(f"{'':38s}{'k-hat':>7s}   what is wrong")
report("mean off by half an sd", -0.5 * eps, "mean: 0.5 sd")
report("mean off by one sd", -eps, "mean: 1 sd")
two = oracles.two_modes(separation=10.0)
left = -5.0 + 0.9 * eps[:, None]
report("two modes, q = N(-5, 0.9) on one",
       two.log_joint(left) - densities.normal(left[:, 0], -5.0, 0.9),
       "half of the mass")
for dim in (1, 10, 100):
    e2 = np.sum(rng.standard_normal((4000, dim)) ** 2, axis=1)
    report(f"all {dim} sds 15 % too small", 0.5 * (1 - 0.85**2) * e2,
           "each sd: 15 %")
cover = oracles.CorrelatedGaussian(
    np.zeros(2), np.array([[1.0, 0.8], [0.8, 1.0]])
)
theta = 0.6 * rng.standard_normal((4000, 2))
report("mean field, correlation 0.8",
       cover.log_joint(theta)
       - np.sum(densities.normal(theta, 0.0, 0.6), axis=1), "each sd: 40 %")

# %% [markdown]
# - **A shift.** $q = N(\delta, 1)$ has $\log w = -\delta\varepsilon + \text{const}$: a log-normal
#   weight, whose exact $k$ is 0 for every $\delta$. (That the table says a little more is the
#   estimate from 4000 draws.) Look at the *spread* of the log weights as well; it is $\delta$ here.
#   `Result.trust` weighs both.
# - **A mode that q misses** leaves no draw, no weight, no trace. Only other starts, other methods or
#   thinking about the model find it.
# - **$\hat k$ is joint.** With a hundred coordinates, each a harmless 15 % too narrow, the weight is
#   a product of a hundred factors. Its exact shape is still $1 - 0.85^2 = 0.28$, but so far out that
#   4000 draws do not see it; what they see is a tail that looks like 0.75, and as useless as that.
#   A high $\hat k$ then condemns the joint distribution; each marginal may still serve. Do not read
#   it as the error of *your* coefficient. And do not read a low one as the absence of any error.
#
# If $\hat k$ is below 0.7 the weights can repair what they have found: weigh each draw by $w_s$, or
# better by its **smoothed** weight, the largest ones replaced by the quantiles of the fitted tail
# (PSIS). A $q$ with sd 0.6 in place of 1, a hundred times over:

# %% tags=["demo"]
rng, rows = default_rng(44), []
for _ in range(100):
    draws = 0.6 * rng.standard_normal(1000)
    log_w = densities.normal(draws) - densities.normal(draws, 0.0, 0.6)
    smooth, k = diagnostics.psis(log_w)
    raw = np.exp(log_w - np.max(log_w))
    rows.append([np.mean(draws**2), np.sum(raw * draws**2) / np.sum(raw),
                 np.sum(np.exp(smooth) * draws**2), k])
rows = np.array(rows)
print(f"q = N(0, sd 0.6), p = N(0, 1), k-hat {rows[:, 3].mean():.2f}; "
      "E θ² = 1")
for name, column in zip(("draws of q", "weighted", "weighted, smoothed"),
                        rows.T[:3], strict=True):
    print(f"  {name:20s} {column.mean():.3f} ± {column.std():.3f}")

# %% [markdown] tags=["covers: X45 B07"]
# Both weighted estimates are near 1, where $q$ itself says 0.36. Smoothing takes away half of the
# scatter, which came from single huge weights, at the price of a bias: the largest weights are what
# is shrunk.
#
# ## 4 · When the optimizer changes the answer
#
# The tutorial that lesson 7 follows fits 100 data by ADVI and by NUTS, and prints
#
# | unknown | ADVI mean | ADVI sd | NUTS mean | NUTS sd |
# |---|---|---|---|---|
# | $\mu$ | 0.1317 | 0.1068 | 0.1350 | 0.0987 |
# | $\log\sigma$ (ADVI), $\sigma$ (NUTS) | −0.0110 | 0.0775 | 0.9934 | 0.0704 |
#
# > **Spot the error.** "The two agree. Where they differ, it is because variational inference
# > underestimates the uncertainty."

# %% tags=["demo", "covers: X45 B07"]
print(f"sd of mu: ADVI / NUTS = {0.1068 / 0.0987:.3f}")
print(f"sd of log sigma: ADVI / NUTS = {0.0775 / (0.0704 / 0.9934):.3f}")

# %% [markdown] tags=["covers: X45 B07"]
# > <details><summary>Answer</summary>
# >
# > Look at the direction: ADVI's sds are *larger*, by 8 and 9 %. Mean field can explain a sd that is
# > too small, never one that is too large (and here the two parameters are nearly independent, so
# > it should not even be smaller). Something else is at work.
# > </details>
#
# It is the step rule. The library's optimizer of that time divided each gradient by the root mean
# square of the last ten, **the present one among them**. Follow the gradient in
# $\omega = \log\text{sd}$ with one draw. For a Gaussian posterior with sd $s$ and $r = e^\omega/s$ it
# is
#
# $$g = 1 - r^2\varepsilon^2, \qquad E[g] = 1 - r^2 ,$$
#
# zero on average at $r = 1$, as it should be. But its distribution is **skewed**: at most 1 above,
# without bound below. Now divide $g$ by a norm that contains $g$. In the extreme case, a window of
# one, the step is $g/|g|$, the sign:
#
# $$E[\text{sign}(g)] = P(r^2\varepsilon^2 < 1) - P(r^2\varepsilon^2 > 1) = 0
# \iff P\big(|\varepsilon| < 1/r\big) = \tfrac12 \iff r = \frac{1}{0.6745} = 1.48 .$$
#
# The rule has found the *median* of the skewed noise and not its mean: an sd 48 % too large. In a
# window of ten the present gradient has a tenth of the say, but the rare large negative ones still
# shrink themselves. Here is the rule, beside the same rule without the present gradient in the
# window (its steps capped at ten times the rate: a large gradient may meet a window of small ones),
# and Adam, on a conjugate Gaussian with sd $1/\sqrt{11}$: 400 runs each.

# %% tags=["demo", "covers: X45 B07"]
PREC, RUNS, EVERY = 11.0, 400, 50


def chains(rule, num_iter=1600, rate=0.01, draws=1, seed=0):
    """Mean sd of q over the runs, relative to the exact one."""
    rng, window = default_rng(seed), np.zeros((10, 2, RUNS))
    lam, m, v, seen = np.zeros((2, RUNS)), 0.0, 0.0, []
    for k in range(num_iter):
        eps, sd = rng.standard_normal((draws, RUNS)), np.exp(lam[1])
        slope = -PREC * (lam[0] + sd * eps)
        g = np.stack([np.mean(slope, axis=0),
                      np.mean(slope * eps, axis=0) * sd + 1.0])
        if rule == "adam":
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            unit = (m / (1 - 0.9 ** (k + 1))) / (
                np.sqrt(v / (1 - 0.999 ** (k + 1))) + 1e-8)
        else:
            past = np.mean(window[:min(k, 10)], axis=0) if k else g**2
            window[k % 10] = g**2
            now = np.mean(window[:min(k + 1, 10)], axis=0)
            norm = now + 1e-6 if rule == "with" else past + 1e-2
            unit = np.clip(g / np.sqrt(norm), -10.0, 10.0)
        lam = lam + rate * unit
        if (k + 1) % EVERY == 0:
            seen.append(np.mean(np.exp(lam[1])) * PREC**0.5)
    return np.array(seen)


movie = {
    "present gradient in the window": chains("with"),
    "without it": chains("without"),
    "Adam": chains("adam"),
}
for name, path in movie.items():
    print(f"{name:31s} sd after 1600 steps: "
          f"{100 * (np.mean(path[-6:]) - 1):+.1f} %")


def so_far(fig, frame):
    ax = fig.subplots()
    k = EVERY * np.arange(1, frame + 1)
    for (name, path), color, style in zip(
        movie.items(), (plots.VERMILLION, plots.BLUE, plots.GREEN),
        ("-", "--", ":"), strict=True
    ):
        ax.plot(k, path[:frame], style, color=color, lw=2.5, label=name)
        ax.plot(k[-1], path[frame - 1], "o", color=color, ms=7)
    ax.axhline(1.0, color=plots.BLACK, lw=1)
    ax.set(xlim=(0, 1650), ylim=(0.9, 1.6), xlabel="iteration",
           ylabel="sd of q / exact sd")
    ax.legend(loc="upper right", fontsize=11)


flipbook(
    so_far, list(range(4, 33, 2)), label="50 × {} steps", start=14,
    figsize=(6.0, 4.2),
    alt="The sd of q relative to the exact one against the iteration, for "
        "three step rules that all start too wide. Adam and the window "
        "without the present gradient fall to 1. The window with the present "
        "gradient levels off almost 9 per cent above it and stays there."
)

# %% [markdown] tags=["covers: X45 B07"]
# It stays there: no trace of the ELBO shows it, and $\hat k$ is green (a $q$ that is a little too
# *wide* has light weights). What if one changes the rate, or the number of draws a step?

# %% tags=["demo", "covers: X45 B07"]
print("present gradient in the window: sd of q, beside the exact one")
for what, options in (
    ("1 draw, rate 0.01", {}),
    ("1 draw, rate 0.0025", {"rate": 0.0025, "num_iter": 6400}),
    ("10 draws, rate 0.01", {"draws": 10}),
    ("100 draws, rate 0.01", {"draws": 100, "num_iter": 800}),
):
    found = np.mean(chains("with", **options)[-6:])
    print(f"  {what:22s}{100 * (found - 1):+6.1f} %")

# %% [markdown] tags=["covers: X45 B07"]
# A smaller rate changes nothing: the bias is in the direction of the average step and not in the
# wobble. **More draws a step** do. They make the noise of the gradient more symmetric and change
# nothing else, so if the sds move, they were wrong. That is a test which anybody can run without
# knowing the right answer. (Whether this is what happened in the published run is a conclusion from
# its numbers and from our replica, not something its text says.)

# %% tags=["demo", "covers: B09 B07"]
def quadrature(data):
    """Posterior means and sds of mu and sd, on a grid."""
    mu = np.mean(data) + np.std(data) * np.linspace(-0.6, 0.6, 301)
    sd = np.std(data) * np.linspace(0.7, 1.45, 301)
    at = np.stack(np.meshgrid(mu, sd, indexing="ij"), axis=-1).reshape(-1, 2)
    log_post = sum(densities.normal(v, at[:, 0], at[:, 1]) for v in data)
    log_post = log_post + densities.normal(at[:, 0])
    log_post = log_post + densities.half_normal(at[:, 1])
    mass = np.exp(log_post - np.max(log_post))
    mass = mass / np.sum(mass)
    return mass @ at, np.sqrt(mass @ (at - mass @ at) ** 2)


careful = advi(gauss, rng=default_rng(8), progress=False)
print(careful.summary(default_rng(9)))
exact_mean, exact_sd = quadrature(y)
print(f"\nby quadrature: mu {exact_mean[0]:.4f} ± {exact_sd[0]:.4f}, "
      f"sd {exact_mean[1]:.4f} ± {exact_sd[1]:.4f}")

# %% [markdown] tags=["covers: B09 B07"]
# That is what to ask of a summary: for each parameter, on its own scale, mean, sd, the Monte Carlo
# error of the mean, and the interval of highest density; all from 10,000 draws of $q$. Beware of
# one column. **mc_error** is the sd divided by $\sqrt{10000}$. It says how well 10,000 draws know
# the mean *of $q$*. It knows nothing about the distance from $q$ to the posterior: a $q$ 8 % too
# wide has an mc_error just as small.
#
# <details><summary><b>Concept 3:</b> a fit is run with 1, 10 and 100 draws a step. Its ELBOs agree.
# Its sds are 0.108, 0.1003 and 0.1001. What do you conclude?</summary>
#
# The sds with one draw are biased by the step rule, those with 10 hardly. That the ELBOs agree is no
# comfort: the ELBO is flat at its top, and an sd 8 % off costs about $0.08^2 = 0.006$ nats, below
# its standard error.
# </details>

# %% [markdown]
# ## 5 · Is the whole procedure calibrated?
#
# Everything so far looked at one fit. But a program has a Jacobian, a prior, a factor $N/B$, and
# any of them may be wrong without leaving a trace in its own output. Here is a test of the whole,
# from the model to the reported draws, that needs no exact posterior. It only needs that one can
# *simulate*.
#
# Draw $\theta_0$ from the prior and data $y$ from the model given $\theta_0$. Then the pair
# $(\theta_0, y)$ comes from the joint distribution, and so, read the other way round, $\theta_0$ is
# a draw from the **posterior given $y$**. If the program is right, its draws
# $\theta_1, \dots, \theta_M$ given $y$ are draws from the same posterior. Given $y$, the
# $M + 1$ numbers $\theta_0, \theta_1, \dots, \theta_M$ are independent and identically distributed,
# so each is as likely to be the smallest, the second smallest, and so on. Hence
#
# $$\text{rank} = \#\{m : \theta_m < \theta_0\} \quad \text{is uniform on} \quad 0, 1, \dots, M ,
# \tag{5}$$
#
# given any $y$ and therefore on average. No approximation, and no asymptotics. Repeat a few hundred
# times and look at the histogram of the ranks. With $M = 99$ there are 100 possible ranks, which go
# evenly into 20 bins. (With $M = 100$ one bin has six ranks and the others five: a bump that
# means nothing.)
#
# ### Exercise 12.4 · Simulation-based calibration (6 points)
#
# Write `sbc_ranks`. In each of `num_sims` simulations call `prior_draw(rng)`, `simulate(theta, rng)`
# and `fit(y, num_draws, rng)`, which returns draws of the posterior, and count the draws **below**
# the true value. A parameter is a number, and the draws are (num_draws,); or it is (D,), the draws
# are (num_draws, D), and each coordinate has its own rank. Use the given `rng` for everything.

# %% exercise="E12.4"
def sbc_ranks(prior_draw, simulate, fit, num_sims, num_draws, rng):
    """Return the rank of each true value among the draws of its posterior.

    prior_draw: rng -> theta, a number or (D,).
    simulate: (theta, rng) -> y, data.
    fit: (y, num_draws, rng) -> draws, (num_draws,) or (num_draws, D).
    Returns the number of draws below theta, 0..num_draws, for each
    simulation in order: (num_sims,) or (num_sims, D).
    """
    ### BEGIN SOLUTION
    ranks = []
    for _ in range(num_sims):
        theta = prior_draw(rng)
        draws = fit(simulate(theta, rng), num_draws, rng)
        ranks.append(np.sum(np.asarray(draws) < theta, axis=0))
    return np.array(ranks)
    ### END SOLUTION

# %% check="E12.4" seed=12401

# %% [markdown]
# ### Reading the histogram
#
# Three data with noise sd 1 and a prior $N(0, 1)$, and four programs: the exact posterior, one that
# reports 0.7 times its sd, one that reports 1.4 times its sd, and one whose mean is off by half an
# sd. **Guess the four shapes first.**

# %% tags=["demo"]
def normal_fit(width=1.0, shift=0.0):
    """Posterior draws of the mean of 3 data, with faults."""
    def draws(data, num, rng):
        sd = (1.0 + len(data)) ** -0.5
        centre = np.sum(data) * sd**2
        return centre + shift * sd + width * sd * rng.standard_normal(num)
    return draws


ranked = {}
programs = {
    "exact": normal_fit(), "sd × 0.7": normal_fit(width=0.7),
    "sd × 1.4": normal_fit(width=1.4), "mean + 0.5 sd": normal_fit(shift=0.5),
}
fig, axes = plt.subplots(2, 2, figsize=(6, 5.4), sharex=True, sharey=True)
band = stats.binom(2000, 1 / 20).ppf([0.005, 0.995])
print(f"{'':15s}p-value of flatness   90 % interval holds   VSBC p-value")
for ax, (name, program), color in zip(
    axes.flat, programs.items(),
    (plots.GREEN, plots.VERMILLION, plots.BLUE, plots.ORANGE), strict=True
):
    ranks = diagnostics.sbc_ranks(
        lambda rng: rng.standard_normal(),
        lambda theta, rng: theta + rng.standard_normal(3),
        program, 2000, 99, default_rng(57))
    ranked[name] = ranks
    counts = np.bincount(ranks // 5, minlength=20)
    ax.axhspan(*band, color=plots.BLACK, alpha=0.15, lw=0)
    ax.bar(np.arange(20) * 5 + 2.5, counts, width=4.6, color=color)
    ax.set_title(name, loc="left")
    held = diagnostics.coverage(ranks, 99, levels=(0.9,))
    _, symmetric = diagnostics.vsbc(ranks, 99)
    print(f"{name:15s}{diagnostics.rank_uniformity(ranks, 99):12.2g}"
          f"{held.observed[0]:20.3f}{symmetric:21.2g}")
for ax in axes[1]:
    ax.set_xlabel("rank of the true value")
for ax in axes[:, 0]:
    ax.set_ylabel("simulations")
plots.show(fig, alt="Four rank histograms with a grey band of expected "
           "counts. Exact: flat, within the band. Sd times 0.7: a U, high at "
           "both ends. Sd times 1.4: a hump in the middle. Mean too high: a "
           "slope, most ranks are low.")

# %% [markdown]
# - **U**: the true value is often outside of all draws. The posterior is too *narrow*. (Remember
#   which it is: the ends are full because the draws do not reach them.)
# - **Hump**: too wide. **Slope**: biased; many *low* ranks mean that the draws are too *high*.
#
# The same ranks say how often an interval holds the true value: **coverage**, nominal 90 %.
#
# Mean-field fits will show a U nearly always, which is no news. *Variational* SBC asks less: are the
# ranks at least symmetric about the middle, so that the fit is free of bias? That is the last
# column: it forgives the wrong widths and catches the shift. A regression whose $x$ has not been
# centred, by exact mean field:

# %% tags=["demo"]
x_far = np.linspace(4.0, 6.0, 20)
X_far = np.stack([np.ones(20), x_far], axis=1)
prec = X_far.T @ X_far + np.eye(2)
root = np.linalg.cholesky(np.linalg.inv(prec))


def line_fit(mean_field):
    """Draws of the exact posterior, or of its best mean field."""
    def draws(data, num, rng):
        eps = rng.standard_normal((num, 2))
        centre = np.linalg.solve(prec, X_far.T @ data)
        spread = eps * np.diag(prec) ** -0.5 if mean_field else eps @ root.T
        return centre + spread
    return draws


correlation = -prec[0, 1] / np.sqrt(prec[0, 0] * prec[1, 1])
print(f"posterior correlation of offset and slope {correlation:.3f}")
for name, mean_field in (("exact posterior", False), ("mean field", True)):
    ranks = diagnostics.sbc_ranks(
        lambda rng: rng.standard_normal(2),
        lambda theta, rng: X_far @ theta + rng.standard_normal(20),
        line_fit(mean_field), 1000, 99, default_rng(68))
    ranked[name] = ranks[:, 0]
    for d, what in enumerate(("offset", "slope")):
        held = diagnostics.coverage(ranks[:, d], 99, levels=(0.9,))
        _, symmetric = diagnostics.vsbc(ranks[:, d], 99)
        print(f"  {name:16s}{what:7s} 90 % interval holds "
              f"{held.observed[0]:.3f}, VSBC p-value {symmetric:.2f}")

# %% [markdown] tags=["covers: X33"]
# The nominal 90 % interval of the mean field holds the truth in about one case of three. There is
# no bias, and neither the trace nor the means give the least hint.
#
# ### The calibration curve
#
# Why 90 %? Any level will do, and all of them together are the **calibration curve**: how often the
# central interval of a given probability holds the truth, against that probability. A calibrated
# program is on the diagonal. For a Gaussian posterior whose sd is reported as $c$ times the right
# one, the interval reaches to $c\,z$ right sds, where $z$ is the quantile that belongs to the level, so
# it holds the truth with probability $2\Phi(c z) - 1$: the lines below. Mean field at correlation
# $\rho$ has $c = \sqrt{1 - \rho^2}$, here 0.25.

# %% tags=["demo"]
levels = np.arange(0.1, 0.95, 0.1)
fine = np.linspace(0.0, 0.99, 100)
fig, ax = plt.subplots(figsize=(6, 4.8))
print("intervals hold the truth in (by 2 Φ(cz) - 1)")
print(f"{'':12s}" + "".join(f"{level:16.0%}" for level in (0.3, 0.5, 0.9)))
for name, width, color, marker in (
    ("exact", 1.0, plots.GREEN, "o"),
    ("sd × 0.7", 0.7, plots.VERMILLION, "s"),
    ("sd × 1.4", 1.4, plots.BLUE, "^"),
    ("mean field", np.sqrt(1 - correlation**2), plots.ORANGE, "D"),
):
    held = diagnostics.coverage(ranked[name], 99, levels=tuple(levels))
    z, at = (stats.norm.ppf(0.5 + v / 2) for v in (held.nominal, fine))
    want = 2 * stats.norm.cdf(width * z) - 1
    ax.plot(fine, 2 * stats.norm.cdf(width * at) - 1, color=color, lw=1)
    ax.plot(held.nominal, held.observed, marker, color=color, ms=6,
            label=f"{name} (c = {width:.2f})")
    print(f"{name:12s}" + "".join(
        f"{held.observed[i]:8.3f} ({want[i]:.3f})" for i in (2, 4, 8)))
ax.set(xlabel="probability of the interval", xlim=(0, 1), ylim=(0, 1),
       ylabel="share that holds the truth")
ax.legend(loc="upper left", fontsize=11)
plots.show(fig, alt="Calibration curves of four programs. The exact one lies "
           "on the diagonal, sd times 1.4 above it, sd times 0.7 below, and "
           "mean field far below: its 90 per cent intervals hold the truth "
           "in a third of the simulations. Points lie on the exact lines.")

# %% [markdown]
# Above the diagonal: too wide, below: too narrow. The curve says less than the histogram, since a
# biased program (missing here: try it) also falls below; but it says it in the terms in which
# a reader of your intervals thinks.
#
# SBC has a price (hundreds of fits) and a limit: it averages over the *prior*. A program may be fine
# on typical draws of a vague prior and wrong at your data. So put your prior where your data are, or
# simulate from the posterior instead.
#
# > **Spot the error.** A notebook prints "95 % credible interval: mean ± 2 sd" for the standard
# > deviation of ten data.
# >
# > <details><summary>Answer</summary>
# >
# > For a Gaussian ± 2 sd is 95.4 %, close enough. The posterior of a standard deviation is skewed:
# > that interval covers something else, is too long on the left and too short on the right, and may
# > contain negative values. Take quantiles, or the interval of highest density, of draws on the
# > parameter's own scale.
# > </details>

# %% [markdown] tags=["covers: B12"]
# ## 6 · Does the model make data like mine?
#
# All tests up to here compare $q$ with the *model's* posterior. A perfect posterior of a wrong model
# passes every one of them. To question the model one must let it speak in the language of the
# data. Draw a parameter from the posterior, draw a data set from the model with it, and again:
#
# $$\theta_s \sim q(\theta), \qquad y^{\text{rep}}_s \sim p(y \mid \theta_s), \qquad s = 1 \dots S .$$
#
# If the data cannot be found among the replicas, the model has not understood them. To compare data
# sets we need a number that describes one, $T(y)$: the largest value, the share of zeros, the
# correlation of neighbours. The **posterior predictive p-value** is
#
# $$p = P\big(T(y^{\text{rep}}) \ge T(y)\big) \approx
# \frac1S \#\{s : T(y^{\text{rep}}_s) \ge T(y)\} . \tag{6}$$
#
# It is one-sided: near 0 the data's statistic is too large for the model, near 1 it is too small.
# Here are 10,000 replicas of the 100 data of section 2, and of the same data after three of them were
# typed with the point in the wrong place. (The p-values take the first 2000.)

# %% tags=["demo", "covers: B12"]
typos = y.copy()
typos[[3, 40, 77]] *= 10.0
spoilt = Model(gauss.params, gauss.log_prior, gauss.log_lik, typos,
               gauss.simulate)
worse = advi(spoilt, rng=default_rng(10), progress=False)
draws = worse.sample(default_rng(12), 10_000)
exact_mean, exact_sd = quadrature(typos)
for i, name in enumerate(("mu", "sd")):
    print(f"with the errors, {name}: {draws[name].mean():.2f} ± "
          f"{draws[name].std():.2f}, exact {exact_mean[i]:.2f} ± "
          f"{exact_sd[i]:.2f}")
tests = {"mean": np.mean, "sd": np.std, "smallest": np.min,
         "largest |y|": lambda v: np.max(np.abs(v))}
fig, axes = plt.subplots(2, 1, figsize=(6, 5.6), sharex=True)
for ax, model, result, color, title in (
    (axes[0], gauss, careful, plots.GREEN, "the data"),
    (axes[1], spoilt, worse, plots.VERMILLION, "three typing errors"),
):
    y_rep = predictive.posterior_predictive(model, result, default_rng(11),
                                            10_000)
    data = np.asarray(model.data)
    print(f"{title:20s}", end="")
    for name, T in tests.items():
        p = diagnostics.posterior_predictive_pvalue(data, y_rep[:2000], T)
        print(f"  {name} {p:.3f}", end="")
    print()
    largest = np.max(np.abs(y_rep), axis=1)
    ax.hist(largest, bins=np.linspace(1.5, 15, 55), color=color, alpha=0.6,
            density=True, label="replicas")
    ax.axvline(np.max(np.abs(data)), color=plots.BLACK, lw=2.5,
               label="data")
    ax.set_title(title, loc="left")
    ax.set(yticks=[], ylabel="density")
    ax.legend(loc="upper center")
axes[1].set_xlabel("largest |y| of 100")
plots.show(fig, alt="Histograms of the largest absolute value in replicated "
           "data sets. Above, the data's own value lies inside the histogram. "
           "Below, with three typing errors, the replicas are wider, and the "
           "data's value lies far to the right of nearly all of them.")

# %% [markdown] tags=["covers: B12"]
# The second fit is as good as the first: it has the exact posterior of a wrong model. And of its four
# statistics mean and sd still pass: the model has two parameters, and has used them to get
# these two right. The extremes fail. **A statistic that the model was fitted to cannot
# criticise it**: choose one that the parameters do not control, and that matters for what you want
# to do.

# %% [markdown] tags=["covers: X46"]
# > **Spot the error.** The tutorial of section 4 compares data and replicas, too. It draws
# > `pred = sample_ppc(trace, 10000)` and prints `pred['n'].shape`: `(5000, 100)`. Some cells further
# > down, before the figure, it prints `pred['n'][:, 0].shape`: `(10000,)`.
# >
# > <details><summary>Answer</summary>
# >
# > A column of an array with 5000 rows has 5000 entries. No single run from top to bottom can print
# > both: some cells were run again, out of order, after the number had been changed from 5000. So
# > nobody can say which draws the figure shows, nor whether the numbers between belong to them.
# > The cure costs nothing: **restart the kernel and run all cells** before you believe a notebook,
# > and again before you hand it on. Then let it hold its own shapes together, as in the next cell.
# > </details>

# %% tags=["demo", "covers: X46"]
num = 10_000
y_rep = predictive.posterior_predictive(gauss, careful, default_rng(11), num)
column = y_rep[:, 0]
assert y_rep.shape == (num, len(y))
assert column.shape == (num,)
print("replicas", y_rep.shape, "- one datum of each", column.shape)
print(f"that datum: mean {column.mean():.2f}, sd {column.std():.2f};   "
      f"the data: mean {y.mean():.2f}, sd {y.std():.2f}")

# %% [markdown]
# How small must a p-value be? With $\theta$ from the *prior*, $y$ and $y^{\text{rep}}$ are
# exchangeable, and (6) is uniform, by the argument of (5). With $\theta$ from the posterior the
# replicas have already seen $y$ and lie closer to it. The p-value is then drawn towards one half,
# and 0.05 is rarer than one in twenty, here for 2000 data sets of ten:

# %% tags=["demo"]
rng, p_prior, p_post, p_mean = default_rng(78), [], [], []
for _ in range(2000):
    data = rng.standard_normal() + rng.standard_normal(10)
    post_mean, post_sd = np.sum(data) / 11, 11**-0.5
    noise = rng.standard_normal((200, 10))
    before = rng.standard_normal((200, 1)) + noise
    after = post_mean + post_sd * rng.standard_normal((200, 1)) + noise
    p_prior.append(np.mean(np.max(before, axis=1) >= np.max(data)))
    p_post.append(np.mean(np.max(after, axis=1) >= np.max(data)))
    p_mean.append(np.mean(np.mean(after, axis=1) >= np.mean(data)))
print("share of p-values below 0.05, and between 0.25 and 0.75 (± 0.01)")
for name, p in (("T = max, theta from the prior", p_prior),
                ("T = max, theta from the posterior", p_post),
                ("T = mean, theta from the posterior", p_mean)):
    p = np.array(p)
    print(f"  {name:36s}{np.mean(p < 0.05):6.3f}"
          f"{np.mean((p > 0.25) & (p < 0.75)):7.3f}")

# %% [markdown]
# ### Exercise 12.3 · A posterior predictive p-value (4 points)
#
# Write (6). `y_rep` holds one data set of the same shape as `y` in each entry of its first axis;
# `stat` takes one data set and returns a number. Counts have **ties**: as (6) says, a replica that
# equals the data counts.

# %% exercise="E12.3"
def posterior_predictive_pvalue(y, y_rep, stat):
    """Return the share of replicated data sets with T(y_rep) >= T(y).

    y: data, of any shape (N, ...); y_rep: (S, N, ...), replicated data.
    stat: one data set, of y's shape -> a number.
    Returns a number from 0 to 1; ties count as larger.
    """
    ### BEGIN SOLUTION
    observed = stat(y)
    return np.mean([stat(data) >= observed for data in y_rep])
    ### END SOLUTION

# %% check="E12.3" seed=12301

# %% [markdown] tags=["covers: N21 N17"]
# ### The band of the mean and the band of the data
#
# A fitted line comes with two bands, and they answer different questions. Where is the *line*? For
# the exact posterior $N(\mu, \Sigma)$ of the coefficients its variance at $x$ is
# $x^\top\Sigma x$. Where will the next *observation* be? Add the noise:
#
# $$\text{var}\,[y^{\text{new}} \mid x] = x^\top \Sigma\, x + \sigma^2 . \tag{7}$$
#
# The first band shrinks to nothing with more data, the second only to $\pm 1.645\,\sigma$, if it is
# to hold 90 %. Progression of diabetes against the body mass index, both standardised; $\sigma = 0.81$
# is what a line leaves unexplained in the whole data. Fit 60 patients, and count how many of the
# others are inside.

# %% tags=["demo", "covers: N21"]
raw = datasets.load("diabetes")
bmi = (raw["X"][:, 2] - raw["X"][:, 2].mean()) / raw["X"][:, 2].std()
prog = (raw["y"] - raw["y"].mean()) / raw["y"].std()
few = default_rng(88).permutation(442)[:60]
rest = np.setdiff1d(np.arange(442), few)
design = np.stack([np.ones(442), bmi], axis=1)
line = oracles.LinearRegression(design[few], prog[few], 1.0, 0.81)
at = np.stack([np.ones(100), np.linspace(-2.5, 4.0, 100)], axis=1)


def bands(rows, model):
    """Mean and the sds of line and data at the rows of a design."""
    of_line = np.sum((rows @ model.cov) * rows, axis=1)
    return rows @ model.mean, of_line**0.5, (of_line + 0.81**2) ** 0.5


middle, sd_line, sd_data = bands(at, line)
fig, ax = plt.subplots(figsize=(6, 4.4))
ax.plot(bmi[rest], prog[rest], ".", color=plots.BLACK, ms=3, alpha=0.35,
        label="held out")
ax.plot(bmi[few], prog[few], "o", color=plots.ORANGE, ms=5, label="data")
for sd, color, name in ((sd_data, plots.SKY, "90 % for y"),
                        (sd_line, plots.BLUE, "90 % for the line")):
    ax.fill_between(at[:, 1], middle - 1.645 * sd, middle + 1.645 * sd,
                    color=color, alpha=0.45, lw=0, label=name)
ax.set(xlabel="body mass index, standardised", ylabel="progression",
       xlim=(-2.5, 4), ylim=(-3, 4))
ax.legend(loc="upper left", fontsize=11, ncols=2)
centre, sd_line, sd_data = bands(design[rest], line)
for name, sd in (("line", sd_line), ("data", sd_data)):
    inside = np.mean(np.abs(prog[rest] - centre) < 1.645 * sd)
    print(f"share of 382 held-out patients in the band of the {name}: "
          f"{inside:.3f}")
plots.show(fig, alt="Progression of diabetes against body mass index: 60 "
           "data, 382 held-out patients in the background, a narrow band for "
           "the fitted line and a broad one for new observations. The narrow "
           "band holds few of the points, the broad one most.")

# %% [markdown] tags=["covers: N17"]
# ### Held-out data
#
# The last judge is data that the fit has not seen. The **log predictive density**
# $\log p(y^{\text{new}} \mid x, \text{data})$, averaged over held-out observations, rewards a right
# mean *and* a right width. For the ten covariates of the diabetes data, with a growing share of the
# data to learn from ($\sigma = 0.71$, about what all ten leave unexplained), by three predictive distributions with the
# same mean: the exact (7), mean field (which keeps only the diagonal, $\sum_d x_d^2 s_d^2$), and
# plugging in the mean (which leaves the first term out).

# %% tags=["demo", "covers: N17"]
Z = (raw["X"] - raw["X"].mean(axis=0)) / raw["X"].std(axis=0)
sizes = np.array([5, 10, 20, 40, 80, 160, 320])
scores = np.zeros((3, len(sizes), 40))
for r in range(40):
    order = default_rng([99, r]).permutation(442)
    test = order[-100:]
    for i, size in enumerate(sizes):
        learnt = oracles.LinearRegression(Z[order[:size]],
                                          prog[order[:size]], 0.25, 0.71)
        error = prog[test] - Z[test] @ learnt.mean
        _, s, _ = learnt.mean_field()
        for j, var in enumerate((
            np.sum((Z[test] @ learnt.cov) * Z[test], axis=1),
            Z[test] ** 2 @ s**2, np.zeros(100))):
            total = np.sqrt(var + 0.71**2)
            scores[j, i, r] = np.mean(densities.normal(error, 0.0, total))
means = scores.mean(axis=2)
fig, ax = plt.subplots(figsize=(6, 4))
names = ("exact", "mean field", "plug-in")
for row, name, color, style in zip(
    means, names, (plots.GREEN, plots.BLUE, plots.VERMILLION),
    ("o-", "s--", "^:"), strict=True
):
    ax.semilogx(sizes / 342, row, style, color=color, label=name)
ax.set(xlabel="share of the training data", ylabel="held-out log density",
       xticks=[0.02, 0.05, 0.1, 0.2, 0.5, 1.0],
       xticklabels=["2 %", "5 %", "10 %", "20 %", "50 %", "100 %"])
ax.minorticks_off()
ax.legend(loc="lower right")
print("  data  " + "".join(f"{name:>12s}" for name in names))
for size, column in zip(sizes, means.T, strict=True):
    print(f"{size:6d}  " + "".join(f"{v:12.3f}" for v in column))
plots.show(fig, alt="Mean held-out log density against the share of the "
           "training data used, on a log axis. With few data the plug-in "
           "predictions are far below, mean field lies between, the exact "
           "posterior is best; from half of the data on all three agree.")

# %% [markdown] tags=["covers: N17 N21"]
# The approximation matters where data are few, which is where one wanted to be Bayesian in the first
# place. With all the data the three are the same: then a predictive score cannot tell a good
# posterior from a bad one, and tests of the posterior (sections 3 and 5) are needed.
#
# <details><summary><b>Concept 4:</b> a model has excellent held-out scores and a k-hat of 1.2. Can
# both be right?</summary>
#
# Yes. Predictions average over many parameters and forgive errors that cancel: an over-parametrised
# net, or two correlated coefficients of which only the sum matters. If predictions are all you need,
# the score is the more relevant of the two. If you want to *interpret* a parameter, or an interval,
# $\hat k$ is.
# </details>

# %% [markdown]
# ## 7 · The clinic
#
# Eight fits have been brought in. All are of models with two parameters, all have returned means,
# sds and an ELBO, and each suffers from one of these:
#
# | ailment | what was done |
# |---|---|
# | `"not converged"` | the run was stopped on its way |
# | `"missed mode"` | the posterior has another mode elsewhere |
# | `"missing Jacobian"` | a positive parameter was transformed, and $\log\lvert\det J\rvert$ forgotten |
# | `"log sd as sd"` | $\omega$ is the log sd in the gradient, and the sd in the draw |
# | `"N/B forgotten"` | batches of four of 100 data, without the factor 25 |
# | `"biased steps"` | one draw a step, divided by a norm that contains the present gradient |
# | `"correlation ignored"` | mean field for a strongly correlated posterior |
# | `"wrong model"` | Gaussian noise; the data have gross outliers |
#
# Nobody knows the exact posteriors. But each has come with a **chart**: things that anybody can
# measure, if need be by running the same program once more on other inputs.
#
# | entry | what it is | in a healthy fit |
# |---|---|---|
# | `elbo_trace` (300,) | the ELBO of each iteration; its noise has sd 0.3 | level at the end |
# | `restarts` (8, 2) | reported means from eight other starts | the same, within 0.1 `sd` |
# | `mean_no_data` (2,) | reported means if the program gets no data | `prior_mean` (2,), within 0.1 `prior_sd` (2,) |
# | `sd`, `sd_twice` (2,) | reported sds, and if every datum is given twice | smaller by about $\sqrt{1/2}$ |
# | `sd_more_draws` (2,) | reported sds with 100 draws a step | equal to `sd` within 3 % |
# | `khat`, `elbo`, `elbo_full_rank` | of the result; the last with a full-rank family | below 0.7; the same within 0.1 nats |
# | `checks` (3,) | (6) for the smallest, median and largest residual | between 0.05 and 0.95 |
# | `mean` (2,) | reported means | |
#
# Why these? *No data*: then the posterior is the prior, and a missing Jacobian or a wrong prior has
# nowhere to hide. *Every datum twice*: all sds must shrink. If they do not, the program does not see
# how many data there are: because batches are not scaled up, or because what is reported as the sd
# does not depend on the data at all. In the latter case the fixed point of lesson 7 applies:
# $\omega e^\omega = s^2$, so what is reported, $e^\omega$, is close to 1 whatever $s$ is.

# %% tags=["demo"]
names = default_rng(120).permutation(clinic.AILMENTS)
ward = {letter: clinic.patient(name, default_rng([121, i]))
        for i, (letter, name) in enumerate(zip("ABCDEFGH", names,
                                               strict=True))}


def pair(values):
    return " ".join(f"{v:6.3f}" for v in values)


for letter, chart in ward.items():
    spread = np.std(chart["restarts"], axis=0) / chart["sd"]
    gap = (chart["mean_no_data"] - chart["prior_mean"]) / chart["prior_sd"]
    print(f"{letter}  sd {pair(chart['sd'])}   twice the data "
          f"{pair(chart['sd_twice'])}   more draws "
          f"{pair(chart['sd_more_draws'])}")
    gain = chart["elbo_full_rank"] - chart["elbo"]
    print(f"   restarts' sd, in sds {pair(spread)}   no data, off by "
          f"{pair(gap)} prior sds")
    print(f"   k-hat {chart['khat']:5.2f}   full rank +{gain:.2f} nats   "
          f"checks {pair(chart['checks'])}")

# %% tags=["demo"]
fig, axes = plt.subplots(4, 2, figsize=(6, 7.6), sharex=True)
for ax, (letter, chart) in zip(axes.flat, ward.items(), strict=True):
    values = chart["elbo_trace"]
    ax.plot(np.arange(1, 301), values, color=plots.BLUE, lw=1)
    ax.set_ylim(values[-1] - 80, values[-1] + 15)
    ax.set_title(letter, loc="left")
    ax.tick_params(labelsize=10)
for ax in axes[-1]:
    ax.set_xlabel("iteration")
axes[1, 0].set_ylabel("ELBO (nats)")
level = [diagnostics.has_converged(chart["elbo_trace"], 50, 0.01)
         for chart in ward.values()]
print("traces that are level at their end:", sum(level), "of", len(level))
plots.show(fig, alt="The ELBO traces of the eight patients. Seven are level "
           "after a hundred iterations; one still rises at the end.")

# %% [markdown]
# ### Exercise 12.5 · The clinic (8 points)
#
# Write `diagnose(chart)`: a rule that names the ailment, spelt as in the first table, or says
# `"healthy"`. Work from the top of the table: a run that has not arrived upsets every other entry,
# and wrong sds upset $\hat k$. Use your functions of this lesson or those of
# `vi_lib.diagnostics`. You are judged on *other* patients, two for each ailment and a healthy one;
# try your rule on the ward first: `{letter: diagnose(chart) for letter, chart in ward.items()}`.

# %% exercise="E12.5"
def diagnose(chart):
    """Return what a fit suffers from.

    chart: a dict with the entries of the table above.
    Returns one of "not converged", "missed mode", "missing Jacobian",
    "log sd as sd", "N/B forgotten", "biased steps", "correlation ignored",
    "wrong model" and "healthy".
    """
    ### BEGIN SOLUTION
    sd = chart["sd"]
    trace = chart["elbo_trace"]
    if not diagnostics.has_converged(trace, 50, 0.01):
        return "not converged"
    if np.any(np.std(chart["restarts"], axis=0) > sd):
        return "missed mode"
    gap = np.abs(chart["mean_no_data"] - chart["prior_mean"])
    if np.any(gap > 0.25 * chart["prior_sd"]):
        return "missing Jacobian"
    if np.all(chart["sd_twice"] > 0.9 * sd):
        if np.all(np.abs(sd - 1) < 0.1):
            return "log sd as sd"
        return "N/B forgotten"
    if np.any(sd > 1.04 * chart["sd_more_draws"]):
        return "biased steps"
    gain = chart["elbo_full_rank"] - chart["elbo"]
    if chart["khat"] > 0.7 or gain > 0.5:
        return "correlation ignored"
    if np.any(chart["checks"] < 0.01) or np.any(chart["checks"] > 0.99):
        return "wrong model"
    return "healthy"
    ### END SOLUTION

# %% check="E12.5" seed=12501

# %% [markdown]
# <details><summary><b>Concept 5:</b> which of the eight would SBC have found, which a predictive
# check, and which neither?</summary>
#
# SBC: not converged, missing Jacobian (where the prior matters), log sd as sd, N/B forgotten,
# correlation ignored, and biased steps, given enough simulations (a coverage of 92 % in place of
# 90 %). Predictive checks: the wrong model; not converged, if it is far off. A missed mode is found
# by neither with certainty: when data are simulated, half of the time the truth lies in the other
# mode, so SBC sees ranks piled up at the ends; but if the starting point depends on the data, or one
# mode is rare under the prior, it may not. Hence the restarts.
# </details>
#
# ## 8 · Where this breaks
#
# - **All tests that use draws of $q$** ($\hat k$, PSIS, ELBO with its error) see only where $q$ goes.
# - **All tests that use the program's own log density** agree with it if it is wrong. A forgotten
#   Jacobian gives a perfect $\hat k$: of the wrong density.
# - **Restarts** that all begin near 0 are one start.
# - **SBC** averages over the prior, needs the simulator and the density to be written separately
#   (or the same slip is in both), and passes a program that ignores the data and returns the prior!
#   (Its ranks are uniform, too. So look also at whether the posterior is narrower than the prior.)
# - **Predictive p-values** are conservative, and choose their $T$ after seeing the data, at that.
# - **Many tests** at 1 % find something in every hundredth healthy fit. A failed test is a reason to
#   look, not a verdict.
#
# No test says that a fit is right. Each can only fail to find that it is wrong, and has a list of
# faults that it would have found.

# %% [markdown] tags=["covers: D58"]
# ## 9 · Build, compute, critique, repeat
#
# That is how a model comes about: write down the simplest that could have made the data (**build**);
# fit it (**compute**); try to show that it is wrong (**critique**), first the computation and then
# the model; change what the critique has found, and go round again (**repeat**). One stops when the
# remaining faults do not touch the question that was asked. What remains after that is of two
# kinds: *epistemic* uncertainty, which more data would shrink and which the posterior holds, and the
# noise, which stays. The tools for "compute" are mature: a page of code and a library do it. Those
# for "critique" are younger, and no library runs them for you.
#
# ### A worked example: eight schools
#
# Eight schools tested a coaching programme. Each reports the effect on its pupils' scores and a
# standard error (Rubin 1981). **Question:** what is the effect in school A, which reports 28 points?
#
# **Build.** Effects $\beta_j \sim N(\mu, \text{sd} = \tau)$ of the schools, reports
# $y_j \sim N(\beta_j, \text{sd} = s_j)$ with $s_j$ known; $\mu \sim N(0, \text{sd} = 5)$,
# $\tau \sim$ HalfCauchy(5).
#
# **Compute**, round 1: mean-field ADVI, five draws a step.

# %% tags=["demo", "covers: D58"]
gain_y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
gain_se = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
school_data = {"y": gain_y, "s": gain_se}


def top_prior(t):
    return densities.normal(t["mu"], 0.0, 5.0) + densities.half_cauchy(
        t["tau"], 5.0)


def effects(t):
    return t["mu"][:, None] + t["tau"][:, None] * t["z"]


centred = Model(
    {"mu": Param(), "tau": Param(support="positive"), "beta": Param((8,))},
    lambda t: top_prior(t) + np.sum(densities.normal(
        t["beta"], t["mu"][:, None], t["tau"][:, None]), axis=1),
    lambda t, d: densities.normal(d["y"], t["beta"], d["s"]), school_data)
first = advi(centred, num_draws=5, rng=default_rng(20), progress=False)
print(first.trust)
draws = first.sample(default_rng(21), 20_000)
beta_1, tau_1 = draws["beta"][:, 0], draws["tau"]

# %% [markdown] tags=["covers: D58"]
# **Critique of the computation.** $\hat k$ is red: $q$ does not cover the posterior. Where? In the
# section-1 place: if $\tau$ is small, all $\beta_j$ must be close to $\mu$, a funnel. Mean field
# cannot be narrow there and wide elsewhere; it avoids the neck, so it will never say "perhaps there
# is no difference between the schools".
#
# **Repair**, of the parametrisation and not of the model: $\beta_j = \mu + \tau z_j$ with
# $z_j \sim N(0, 1)$. The same model; but $z$ does not depend on $\tau$ a priori, and the funnel is
# gone. **Compute**, round 2; the exact answer by quadrature over $(\mu, \tau)$, given which the
# $\beta_j$ are Gaussian:

# %% tags=["demo", "covers: D58"]
noncentred = Model(
    {"mu": Param(), "tau": Param(support="positive"), "z": Param((8,))},
    lambda t: top_prior(t) + np.sum(densities.normal(t["z"]), axis=1),
    lambda t, d: densities.normal(d["y"], effects(t), d["s"]), school_data,
    simulate=lambda t, d, rng: effects(t)
    + d["s"] * rng.standard_normal((len(t["mu"]), 8)))
second = advi(noncentred, rng=default_rng(22), progress=False)
print(second.trust)
draws = second.sample(default_rng(23), 20_000)
beta_2, tau_2 = effects(draws)[:, 0], draws["tau"]

mus, taus = np.meshgrid(np.linspace(-16, 24, 161),
                        np.linspace(0.05, 60.0, 600), indexing="ij")
log_grid = densities.normal(mus, 0.0, 5.0) + densities.half_cauchy(taus, 5.0)
for v, s in zip(gain_y, gain_se, strict=True):
    log_grid = log_grid + densities.normal(v, mus, np.sqrt(s**2 + taus**2))
share = np.exp(log_grid - np.max(log_grid))
share = share / np.sum(share)
shrink = taus**2 / (taus**2 + gain_se[0] ** 2)
beta_given = shrink * gain_y[0] + (1 - shrink) * mus
beta_var = shrink * gain_se[0] ** 2
mean_b = np.sum(share * beta_given)
sd_b = np.sqrt(np.sum(share * (beta_var + beta_given**2)) - mean_b**2)
mean_t = np.sum(share * taus)
sd_t = np.sqrt(np.sum(share * taus**2) - mean_t**2)
low = np.sum(share[taus < 2.0])
print(f"\n{'':18s}tau             P(tau < 2)   effect in school A")
for name, row in (
    ("exact", (mean_t, sd_t, low, mean_b, sd_b)),
    ("centred", (tau_1.mean(), tau_1.std(), np.mean(tau_1 < 2),
                 beta_1.mean(), beta_1.std())),
    ("non-centred", (tau_2.mean(), tau_2.std(), np.mean(tau_2 < 2),
                     beta_2.mean(), beta_2.std())),
):
    print(f"{name:16s}  {row[0]:.2f} ± {row[1]:.2f}    {row[2]:8.2f}"
          f"     {row[3]:8.2f} ± {row[4]:.2f}")

# %% [markdown] tags=["covers: D58"]
# Round 1 was sure that the schools differ; the posterior says that this is an open question. The
# repaired fit sees it, although its tail of large $\tau$ is still too light ($\hat k$ is amber), and
# so the interval of school A is a little too short. Importance weights may correct that.
#
# **Critique of the model.** Would this model report a school with 28 points, or eight reports as
# alike as these?

# %% tags=["demo", "covers: D58"]
y_rep = predictive.posterior_predictive(noncentred, second, default_rng(24),
                                        4000)
for name, T in (("largest report", np.max), ("smallest", np.min),
                ("sd of the reports", np.std)):
    p = diagnostics.posterior_predictive_pvalue(gain_y, y_rep, T)
    print(f"{name:18s} data {T(gain_y):6.2f}, replicas "
          f"{np.mean([T(v) for v in y_rep]):6.2f}, p = {p:.2f}")
smooth, k = diagnostics.psis(
    noncentred.log_p(zeta := second.family.transport(
        second.lam, second.family.noise(default_rng(25), 20_000)))
    - second.family.log_prob(second.lam, zeta))
weighed = effects(noncentred.constrain(zeta))[:, 0]
centre = np.sum(np.exp(smooth) * weighed)
print(f"school A, reweighed (k-hat {k:.2f}): {centre:.2f} ± "
      f"{np.sqrt(np.sum(np.exp(smooth) * (weighed - centre) ** 2)):.2f}, "
      f"exact {mean_b:.2f} ± {sd_b:.2f}")

# %% [markdown] tags=["covers: D58"]
# Nothing speaks against it. **Answer to the question:** about 6 points, give or take 6; far less
# than the 28 that were reported, because the other schools make so large an effect implausible and
# the report itself is uncertain by 15. **What remains:** eight numbers cannot say whether the
# effects are Gaussian; a school that is truly different would be pulled in as well. Stop here.
#
# ## 10 · Capstone (20 points)
#
# Do the same with one of two data sets. Both look harmless, and for both the first model that comes
# to mind is wrong.
#
# - **The Nile** (`datasets.load("nile")`: `year`, `flow`): the river's annual flow at Aswan, 100
#   years from 1871 on, in 10⁸ m³. *Has the flow changed, when, and by how much?* Start with
#   independent $N(\mu, \sigma)$.
# - **Engel's households** (`datasets.load("engel")`: `income`, `food`): what 235 Belgian working
#   families earned and spent on food in 1857, in francs. *What does a family with 2000 francs spend,
#   with a 90 % interval?* Start with a straight line and Gaussian noise.

# %% tags=["demo", "covers: D58"]
nile, engel = datasets.load("nile"), datasets.load("engel")
fig, (top, bottom) = plt.subplots(2, 1, figsize=(6, 6.6))
top.plot(nile["year"], nile["flow"], "o-", color=plots.BLUE, ms=4, lw=0.8)
top.set(xlabel="year", ylabel="flow (10⁸ m³)")
bottom.plot(engel["income"], engel["food"], "o", color=plots.ORANGE, ms=4)
bottom.set(xlabel="income (francs)", ylabel="food (francs)")
print(datasets.describe("nile"))
print(datasets.describe("engel"))
plots.show(fig, alt="Above: the Nile's annual flow from 1871 to 1970, higher "
           "in the first decades. Below: food expenditure against income of "
           "235 households; the points fan out as income grows.")

# %% [markdown] tags=["covers: D58"]
# Go round the loop at least twice, in cells of your own below this one, and write the report in the
# cell after that. About a page; every number in it must come from a cell that runs. Compare with an
# exact answer where there is one (quadrature in two or three dimensions is cheap).
#
# | part | points | full marks for |
# |---|---|---|
# | Build | 3 | question, model and priors written down; the prior's implications looked at on the scale of the data |
# | Compute | 4 | a fit with trace, ELBO ± error, more than one start or family; state what was run |
# | Critique of the computation | 5 | at least two tests of different kinds (sections 2 to 5), read correctly, one of them able to fail |
# | Critique of the model | 4 | at least two statistics with a reason, one of which the first model fails |
# | Repair | 3 | one change at a time, for a reason found above; the same tests again, before and after side by side |
# | Answer | 1 | the question answered in its own units, with an interval and what remains doubtful |
#
# Half marks for a part that is there but only asserted ("the trace looks good"). A repair that fails
# and is understood is worth as much as one that works.

# %%
# Your analysis: add as many cells as you like.

# %% [markdown] open="O12" points=20
# <!-- BEGIN SOLUTION -->
# *A model answer in brief, for the Nile; its numbers stand in a test of the course
# (`tests/checks/test_lesson12_capstone.py`).*
#
# **Build.** Has the flow changed? Model 1: $y_t \sim N(\mu, \sigma)$ independent, $\mu \sim N(1000,
# \text{sd}=300)$, $\sigma \sim$ HalfNormal(300): prior data between 0 and 2000, all possible rivers.
# (Build: 1 for the question and model, 1 for priors in units, 1 for a look at prior data.)
#
# **Compute.** By quadrature, $\mu = 920 \pm 17$ and $\sigma = 171 \pm 12$. Mean-field DADVI from three
# starts over the prior agrees: means to 1 %, sds to 10 %. (Compute: 1 each for trace, error bar,
# starts, exact comparison.)
#
# **Critique of the computation.** $\hat k$ is around 0.7, but the log weights vary by less than 0.2
# nats: all are alike, so the shape of their tail does not matter, and `trust` says so. Every datum
# twice shrinks the sds to 0.71. The starts agree. The computation is fine. (2 each for two tests that could have
# failed, 1 for reading them.)
#
# **Critique of the model.** The sd of the data cannot fail, $\sigma$ was fitted to it. $T_1$ = the
# correlation of neighbouring years: data 0.51, replicas near 0 ± 0.1, p < 0.001. $T_2$ = mean of the
# first 28 minus mean of the other 72 years, p < 0.001. The years are not exchangeable. (1 for each
# statistic, 1 for its reason, 1 for the conclusion.)
#
# **Repair.** Model 2: a change after year $c$, uniform on the 99 possible ones, two means, one sd. $c$
# is discrete: sum over it with logsumexp (lesson 3), so the fit has three continuous parameters.
# Best $c$: 1898, probability about 0.7 to 0.8, nearly all of it within 1896 to 1900. Means 1096 and
# 851. What is left of the correlation is 0.16. (1 for one change with a
# reason, 1 for summing out or an honest alternative such as a random walk, 1 for the same tests
# again.)
#
# **Answer.** The flow fell by about 245 ± 29 (10⁸ m³ a year), after 1898. Whether it fell at once (the
# dam at Aswan, 1902, or the rains) or over some years these data hardly say; a gradual change was
# not tried.
#
# *For Engel's data:* the straight line passes on mean and sd; it fails on the correlation of
# $|$residual$|$ with income. Repair: noise proportional to income, or logarithms of both; then the
# interval at 2000 francs is wider than the first model's, that at 500 narrower.
# <!-- END SOLUTION -->

# %% [markdown]
# ## 11 · Summary
#
# - Converged is not correct. Ask four questions: has the run arrived, does $q$ cover the posterior,
#   does the program do what was meant, do the data look like the model's?
# - Average windows, do not thin; every ELBO has a standard error; relative rules fail near 0.
# - $\hat k$ is the tail shape of $p/q$: $1 - s^2$ for a Gaussian that is too narrow by $s$, $|\rho|$
#   for mean field on a correlated pair. Below 0.5 good, above 0.7 bad. It is joint, blind to shifts
#   and to what $q$ does not visit.
# - A step divided by a norm that contains its own skewed gradient makes sds 8 or 9 % too large. More
#   draws a step show it, and remove it.
# - Ranks of true values among posterior draws are uniform if the whole procedure is right: U too
#   narrow, hump too wide, slope biased.
# - A predictive check needs a statistic that the parameters do not control.
# - No data, twice the data, more draws, other starts: four runs of your own program that need no
#   theory and find most programming errors.
#
# ## References
#
# - A. Vehtari, D. Simpson, A. Gelman, Y. Yao, J. Gabry, *Pareto Smoothed Importance Sampling*, JMLR
#   25, 2024: tail length, weak prior, thresholds.
# - J. Zhang, M. Stephens, *A new and efficient estimation method for the generalized Pareto
#   distribution*, Technometrics 51, 2009: (4) and the grid.
# - Y. Yao, A. Vehtari, D. Simpson, A. Gelman, *Yes, but Did It Work? Evaluating Variational
#   Inference*, ICML 2018: $\hat k$ and VSBC for variational fits.
# - S. Talts, M. Betancourt, D. Simpson, A. Vehtari, A. Gelman, *Validating Bayesian Inference
#   Algorithms with Simulation-Based Calibration*, 2018: (5).
# - A. Gelman, X.-L. Meng, H. Stern, *Posterior predictive assessment of model fitness via realized
#   discrepancies*, Statistica Sinica 6, 1996: (6).
# - R. Neal, *Slice sampling*, Annals of Statistics 31, 2003: the funnel, section 8.
# - D. Rubin, *Estimation in parallel randomized experiments*, Journal of Educational Statistics 6,
#   1981: the eight schools.
# - D. Blei, *Build, Compute, Critique, Repeat: Data Analysis with Latent Variable Models*, Annual
#   Review of Statistics 1, 2014.
# - G. Cobb, *The problem of the Nile*, Biometrika 65, 1978; R. Koenker, G. Bassett, *Robust tests for
#   heteroscedasticity based on regression quantiles*, Econometrica 50, 1982: the two data sets.
