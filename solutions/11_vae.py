# %% [markdown]
# # 11 · Amortised inference and the variational autoencoder
#
# So far a posterior was something one fitted: one model, one data set, one search for $\lambda$.
# What if every observation has an unknown of its own, and there are thousands of them, and
# tomorrow another thousand? Then one would like to *learn to infer*: a function that looks at an
# observation and returns its posterior. Such a function can be a neural network, it can be trained
# by the ELBO, and it can be trained together with the model. That is the variational autoencoder,
# and nothing in it is new to you but the network.
#
# **You will be able to**
#
# - write down a latent variable model of images and its ELBO, term by term, and say in which axis
#   each term is summed or averaged, and why that matters;
# - replace a thousand variational parameters by an encoder, and say what is gained and lost;
# - train encoder and decoder by reparameterization gradients, with and without KL annealing;
# - recognise a collapsed posterior, and find its cause;
# - split the distance between ELBO and evidence into what the family and what the encoder costs,
#   and shrink it with several samples.
#
# **Before you start:** the ELBO (lesson 1), minibatches (lesson 4), reparameterization (lesson 6);
# a rough idea of what a neural network is.
#
# **Time** about 150 minutes · **Points** 26 for six exercises, 5 for the open question.
#
# | exercise | you write | about | difficulty | points |
# |---|---|---|---|---|
# | E11.1 | the log likelihood of black and white pixels | 15 min | ●●○ | 4 |
# | E11.2 | the KL of a code from the prior | 10 min | ●○○ | 4 |
# | E11.3 | the ELBO of a batch | 20 min | ●●○ | 6 |
# | E11.4 | KL annealing | 5 min | ●○○ | 2 |
# | E11.5 | the networks and a training run | 35 min | ●●● | 6 |
# | E11.6 | a bound from several samples | 10 min | ●●○ | 4 |
#
# An exercise is one function or a few: replace `raise NotImplementedError` by your code, run the
# cell, then run the check below it. The check says which part is right and, where it can, which
# mistake was made. Everything else in this notebook runs without your answers.

# %%
from pathlib import Path

import autograd.numpy as np
import matplotlib.pyplot as plt
from scipy import special

from autograder.checks import check
from vi_lib import amortised, datasets, densities, estimators, families
from vi_lib import latent_plots, optimizers, plots
from vi_lib.flipbook import flipbook

plots.use_style()
np.set_printoptions(precision=3, suppress=True)
default_rng = np.random.default_rng

# %% [markdown]
# | symbol | in code | meaning |
# |---|---|---|
# | $x_n$ | `x` (B, X) | an observation: an image of X pixels, one a row |
# | $z_n$ | `z` (B, D) | its **code**: the unknown of this image alone, D numbers |
# | $w$ | `params`, names `dec_…` | weights of the **decoder**, which makes an image's probabilities of a code |
# | $\phi$ | `params`, names `enc_…` | weights of the **encoder**, which makes a posterior of an image |
# | $\lambda_n = (\mu_n, \omega_n)$ | `lam` (B, 2D) | parameters of $q(z_n)$: means, and $\omega = \log\sigma$ |
# | $\varepsilon$ | `eps` (B, D) | standard normal noise, an argument as always |
# | $\ell_{ni}$ | `logits` (B, X) | log odds of pixel $i$ being 1: $\log\frac{p}{1-p}$ |
# | $\beta$ | `beta` | weight of the KL; with $\beta = 1$ the bound is the ELBO |
# | $v_k$ | `log_w` (K, B) | importance weights $p(x, z_k) / q(z_k)$; code holds logarithms |
#
# ## 1 · Eighteen hundred digits, two numbers each

# %% tags=["demo", "covers: D51 X32"]
MNIST = False  # True: the large images, if scikit-learn has them stored


def mnist_at_hand():
    """Whether `fetch_openml` has MNIST (its file 52667) on this machine."""
    try:
        from sklearn.datasets import get_data_home

        return any(Path(get_data_home(), "openml").rglob("52667*"))
    except (ImportError, OSError):
        return False


def black_and_white_images():
    """Images (N, X) of zeros and ones, labels, height, the encoder's sizes."""
    if MNIST and mnist_at_hand():
        from sklearn.datasets import fetch_openml

        found = fetch_openml("mnist_784", version=1, as_frame=False)
        x = amortised.binarise(found.data[:6000], 128.0)
        return x, found.target[:6000].astype(int), 28, (784, 256, 64, 2)
    if MNIST:
        print("No MNIST on this machine: the small digits take its place.")
    digits = datasets.load("digits")
    x = amortised.binarise(digits["X"], 8.0)
    return x, digits["y"].astype(int), 8, (64, 64, 32, 2)


x, digit, height, sizes = black_and_white_images()
order = default_rng(0).permutation(len(x))
train, test = x[order[:-397]], x[order[-397:]]
test_digit = digit[order[-397:]]

ink = (np.sum(train, axis=0) + 1) / (len(train) + 2)
independent = np.mean(np.sum(np.where(test == 1, np.log(ink),
                                      np.log1p(-ink)), axis=1))
print(f"{len(train)} images to learn from, {len(test)} to test with, "
      f"{x.shape[1]} pixels each")
print(f"share of ones {np.mean(x):.3f}, all pixels 0 or 1: "
      f"{bool(np.all((x == 0) | (x == 1)))}")
print(f"independent pixels, each with its own probability: "
      f"{independent:.2f} nats a test image")

# %% [markdown] tags=["covers: D51 X32"]
# The lecture this lesson follows takes MNIST, 55 000 images of $28\times 28$ pixels. Here are the
# 1797 small ones that scikit-learn ships, $8 \times 8$ pixels with ink from 0 to 16, made black
# and white at 8; everything is the same, but training takes seconds. (With `MNIST = True` in the
# cell above you get 6000 of the large ones and the lecture's networks, if scikit-learn's
# `fetch_openml("mnist_784", version=1)` has been called on this machine before; nothing is
# downloaded here. Have patience then, and expect other numbers than the text's.)
#
# The last line is our yardstick: what is lost per image if every pixel has its own probability, and
# no pixel knows of any other. A model that has understood anything about digits must do better.
#
# Now the goal of this lesson. A decoder has learnt to draw a picture for every point of a plane,
# without ever being told which digit is which:

# %% tags=["demo", "covers: D48 D50 N24"]
MOMENTS = (1, 15, 30, 60, 100, 150, 250, 400, 600, 1000)
movie = {}


def keep(record):
    if record.step in MOMENTS:
        movie[record.step] = record.params


training = amortised.fit_vae(train, sizes, 1000, default_rng(11),
                             callbacks=[keep])
vae = training.params


def decode(z):
    """Probabilities of a 1, (…, D) -> (…, X)."""
    return special.expit(amortised.mlp_decoder(vae, z))


def elbo_of(params, images=test, draws=20, **net):
    """The ELBO, nats an image: a mean over draws of z for each."""
    dim = amortised.latent_dim(params)
    eps = default_rng(1).standard_normal((draws, len(images), dim))
    return float(amortised.vae_elbo(params, images, eps, **net))


print(f"test ELBO {elbo_of(vae):.1f}, training ELBO "
      f"{elbo_of(vae, train):.1f}, independent pixels {independent:.1f}")

# %% tags=["demo", "covers: N24 X32"]
fig, ax = plt.subplots(figsize=(6, 6))
latent_plots.latent_grid(ax, decode, 12)
plots.show(fig, alt="A 12 by 12 grid of small grey images of digits. "
           "Neighbours look alike; the digits blend into each other, with "
           "zeros, ones, sevens, fours and sixes in different regions of the "
           "plane.")

# %% [markdown] tags=["covers: N24 X32"]
# The images stand at *quantiles* of the prior: each of the 144 stands for the same prior
# probability. To find the places, take 12 levels between 0 and 1, equally spaced, and put them
# through the quantile function $F^{-1}$ of $N(0, 1)$.
#
# > **Spot the error.** A notebook explains this picture so: *we take points on a grid over the
# > unit sphere and transform them by the inverse of the inverse CDF.* And the text above it: *we
# > keep the digits 0, 1, 2*, while the code keeps 5, 6 and 7.
# >
# > <details><summary>Answer</summary>
# >
# > The levels fill the unit *square*, $(0, 1)^2$, not a sphere; what they go through is the inverse
# > CDF, once: the inverse of the inverse would be the CDF itself. And a text that disagrees with
# > its code about the data is wrong in one of the two places. Here all ten digits take part.
# > </details>
#
# How does one get there? In five steps: a model, a posterior for each image, an encoder, a bound, a
# training run.

# %% [markdown] tags=["covers: D44"]
# ## 2 · The model
#
# Each image has a code of its own, of which we know nothing before; and given the code, its pixels
# are independent coin flips:
#
# $$z_n \sim N(0, I_D), \qquad
# x_{ni} \mid z_n \sim \text{Bernoulli}\big(\text{logit} = \ell_{ni}\big), \qquad
# \ell_n = \text{decoder}_w(z_n), \qquad n = 1, \dots, N . \tag{1}$$
#
# The **decoder** is a neural network with weights $w$, from D numbers to X. Independent *given*
# the code: that all pixels of a seven belong together has to go through $z$. The weights get no
# prior. We look for one good value of them, a point estimate, while the codes get posteriors: they
# are *local*, one an image, and a single image says little about its code, whereas all images
# together say much about the weights.
#
# ### The likelihood of a pixel
#
# Let $p$ be the probability of a 1, and $\ell = \log\frac{p}{1-p}$ its logit. Then
# $p = \frac{e^\ell}{1 + e^\ell}$ and $1 - p = \frac{1}{1 + e^\ell}$, so that
#
# $$\log p(x \mid \ell) = x \log p + (1 - x) \log(1 - p)
# = x\,\big(\ell - \log(1 + e^\ell)\big) - (1 - x) \log(1 + e^\ell)
# = x\,\ell - \log(1 + e^\ell) . \tag{2}$$
#
# No sigmoid is left, and no logarithm of something that may be 0. The last term is softplus, an old
# acquaintance from lesson 6. Look what the first form does at the ends:

# %% tags=["demo", "covers: D44"]
print("logit    x   x log p + (1−x) log(1−p)    clipped at 1e-7"
      "       x ℓ − softplus(ℓ)")
with np.errstate(all="ignore"):
    for logit, one in ((2.0, 0.0), (40.0, 0.0), (-800.0, 1.0), (800.0, 1.0)):
        p = 1 / (1 + np.exp(-logit))
        cut = min(max(p, 1e-7), 1 - 1e-7)
        naive, clipped = (one * np.log(a) + (1 - one) * np.log(1 - a)
                          for a in (p, cut))
        stable = one * logit - np.logaddexp(0.0, logit)
        print(f"{logit:5.0f} {one:4.0f} {naive:20.4f} {clipped:20.4f} "
              f"{stable:23.4f}")

# %% [markdown] tags=["covers: D44"]
# Clipping the probability repairs the looks only: a pixel that is hopelessly wrong costs 16 nats
# instead of 800, and where the clip is active the slope is 0, so the decoder does not learn from
# its worst mistakes.
#
# ### Exercise 11.1 · The log likelihood of black and white pixels (4 points)
#
# Write $\log p(x_n \mid \ell_n) = \sum_i \log p(x_{ni} \mid \ell_{ni})$, one number for each image:
# the **sum** over its pixels, the last axis. Leading axes broadcast, so that logits (M, B, X), for M
# draws of the codes, and x (B, X) give (M, B); a single image gives a number. It has to be right
# from −800 to 800.

# %% exercise="E11.1"
def bernoulli_log_likelihood(x, logits):
    """Return the log likelihood of images, summed over their pixels.

    x: pixels, each 0 or 1, (..., X); whole numbers allowed.
    logits: log odds of a 1, (..., X), any real numbers.
    Returns one value an image, (...), in nats: at most 0.
    """
    ### BEGIN SOLUTION
    return np.sum(x * logits - np.logaddexp(0.0, logits), axis=-1)
    ### END SOLUTION

# %% check="E11.1" seed=11101

# %% [markdown] tags=["covers: D45"]
# ## 3 · The posterior of one digit
#
# The code of an image is uncertain. Bayes' rule says how much:
#
# $$p(z_n \mid x_n) = \frac{p(x_n \mid z_n)\, p(z_n)}{p(x_n)}, \qquad
# p(x_n) = \int p(x_n \mid z)\, N(z;\ 0, I)\, dz . \tag{3}$$
#
# The integral goes through the decoder, a network, and has no closed form. For 50 coordinates there
# is no hope; but here there are two, and a grid will do. So we are in the fortunate position to
# have *exact* posteriors and evidences for a variational autoencoder, to hold everything against.
#
# The first thing to hold against them is what sections 4 and 5 will build: a Gaussian $q$ for each
# image, proposed by a second network, the **encoder**, that has looked at the image once. By lesson
# 1 the distance from ELBO to $\log p(x)$, the *gap*, is the KL from this $q$ to the posterior.

# %% tags=["demo", "covers: D45 N24"]
side = np.linspace(-5.0, 5.0, 201)


def on_the_grid(images, side=side):
    """log p(x), posterior masses (N, G), means and sds (N, 2)."""
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), -1)
    grid, area = grid.reshape(-1, 2), (side[1] - side[0]) ** 2
    logits = amortised.mlp_decoder(vae, grid)
    log_p = images @ logits.T - np.sum(np.logaddexp(0.0, logits), axis=1)
    log_p = log_p + np.sum(densities.normal(grid), axis=1)
    log_evidence = special.logsumexp(log_p, axis=1) + np.log(area)
    mass = np.exp(log_p - log_evidence[:, None]) * area
    mean = mass @ grid
    return log_evidence, mass, mean, np.sqrt(mass @ grid**2 - mean**2)


few = test[:100]
evidence, mass, exact_mean, exact_sd = on_the_grid(few)
lam = amortised.encode(vae, few)
q = families.MeanField(2)
mu, omega = q.unpack(lam)
eps = default_rng(2).standard_normal((400, len(few), 2))
elbo = np.mean(amortised.vae_values(vae, few, eps), axis=0)
gap = evidence - elbo
chosen = np.argsort(gap)[[5, 50, -1]]
print("           exact mean      sd               q: mean          sd"
      "              gap")
for n in chosen:
    print(f"digit {test_digit[n]}  ", exact_mean[n], exact_sd[n], " ",
          mu[n], np.exp(omega[n]), f"{gap[n]:8.2f}")
print(f"mean over 100 images: log p(x) {np.mean(evidence):.1f}, "
      f"ELBO {np.mean(elbo):.1f}, gap {np.mean(gap):.2f} nats")

# %% tags=["demo", "covers: D45 N24"]
fig, axes = plt.subplots(1, 3, figsize=(6.4, 3.1))
for ax, n in zip(axes, chosen, strict=True):
    p = np.sort(mass[n])[::-1]
    levels = [p[np.searchsorted(np.cumsum(p), m)] for m in (0.95, 0.5)]
    ax.contour(side, side, mass[n].reshape(201, 201).T, levels,
               colors=plots.BLACK, linewidths=1.5)
    for m in (0.5, 0.95):
        plots.ellipse(ax, mu[n], np.diag(np.exp(2 * omega[n])), mass=m,
                      color=plots.VERMILLION)
    centre = 0.5 * (exact_mean[n] + mu[n])
    ax.set(xlim=centre[0] + np.array([-1.5, 1.5]),
           ylim=centre[1] + np.array([-1.5, 1.5]),
           title=f"a {test_digit[n]}, gap {gap[n]:.1f}", xlabel="$z_1$")
    ax.set_aspect("equal")
    ax.tick_params(labelsize=10)
    inset = ax.inset_axes([0.02, 0.68, 0.3, 0.3])
    inset.imshow(few[n].reshape(height, height), cmap="gray_r")
    inset.set(xticks=[], yticks=[])
axes[0].set_ylabel("$z_2$")
plots.show(fig, alt="Three test images with the contours of their exact "
           "posteriors in the latent plane in black, and the Gaussian that "
           "the encoder proposes as orange ellipses. In the first two the "
           "ellipses nearly cover the contours; the third posterior has two "
           "islands, and the ellipses lie between them.")

# %% [markdown] tags=["covers: D45"]
# Black is the truth, orange what the encoder makes of it. The first two are typical: the right place,
# and a little too narrow (in the first image the sds are a quarter too small). The third image is
# the worst of a hundred: its posterior has two islands, and the encoder has put its Gaussian between
# them, where there is hardly anything. Is that the fault of the Gaussian, or of the encoder? Section
# 9 will tell.
#
# <details><summary><b>Concept 1:</b> the posterior of a code is a few tenths wide, although the
# prior has sd 1. Which numbers decide how wide it is, and what would happen with images of
# $28 \times 28$ pixels?</summary>
#
# Near its top the log posterior is a sum over pixels: the more pixels have logits that change with
# $z$, the more curvature, and the narrower the posterior. With 784 pixels in place of 64 it would
# be several times narrower. More data per code narrow a code's posterior, as more data narrow any
# posterior.
# </details>

# %% [markdown] tags=["covers: D46 D47"]
# ## 4 · From one λ per image to an encoder
#
# The plan of the earlier lessons: give each code a Gaussian with free parameters,
#
# $$q(z_n) = N\big(z_n;\ \mu_n, \text{sd} = e^{\omega_n}\big), \qquad
# \lambda_n = (\mu_n, \omega_n) \in \mathbb R^{2D},$$
#
# and climb the ELBO in $\lambda_1, \dots, \lambda_N$ and $w$. That works. It also needs $2ND$
# numbers, and for every new image a new search. But look: similar images have similar posteriors.
# Here one image is turned into another, pixel by pixel.

# %% tags=["demo", "covers: D47"]
start, end = few[3].copy(), few[np.flatnonzero(test_digit[:100] == 0)[0]]
steps = [start.copy()]
for pixel in default_rng(4).permutation(np.flatnonzero(start != end)):
    start[pixel] = end[pixel]
    steps.append(start.copy())
between = np.array(steps)
_, _, path, _ = on_the_grid(between)
guess = amortised.encode(vae, between)[:, :2]
fig, (top, ax) = plt.subplots(
    2, 1, figsize=(6, 5.2), gridspec_kw={"height_ratios": [1, 4]})
some = np.linspace(0, len(between) - 1, 8).astype(int)
latent_plots.reconstruction_strip(top, between[some], decode(guess[some]),
                                  shape=(height, height),
                                  captions=("image", "decoded"))
ax.plot(*path.T, "o-", color=plots.BLACK, ms=5, label="exact posterior mean")
ax.plot(*guess.T, "s--", color=plots.VERMILLION, ms=4,
        label="encoder's mean")
ax.set(xlabel="$z_1$", ylabel="$z_2$")
ax.legend()
step = np.linalg.norm(np.diff(path, axis=0), axis=1)
print(f"{len(step)} pixels changed, one after the other; the exact mean "
      f"moves by {np.median(step):.2f} (median), at most {np.max(step):.2f}")
plots.show(fig, alt="Top: an image that turns into a zero in eight stages, "
           "and what is decoded from the encoder's mean. Bottom: the path of "
           "the exact posterior mean through the latent plane, in small "
           "steps, and the encoder's path, which takes the same way with "
           "detours.")

# %% [markdown] tags=["covers: D47 D48 F08 F09 C09"]
# One pixel moves the posterior by a little. So $\lambda$ is nearly a smooth function of
# $x$, and smooth functions are what neural networks learn. Instead of N vectors $\lambda_n$, learn
# one function:
#
# $$\lambda_n = \text{encoder}_\phi(x_n), \qquad
# q_\phi(z_n \mid x_n) = N\big(z_n;\ \mu(x_n), \text{sd} = e^{\omega(x_n)}\big) . \tag{4}$$
#
# This is **amortised inference**: the effort of inference is spent once, in training, and shared
# by all images, those to come included. The network has two heads, D means and D numbers that
# make the sds. An sd must be positive and the output of a linear layer need not be. So the second
# head is read as the *logarithm*, $\omega = \log\sigma$ (others read it as $\log\sigma^2$, or take
# softplus; one must know which). What has to be learnt:

# %% tags=["demo", "covers: D46 D52 D53"]
def table_row(name, num_images, widths):
    *hidden, latent = widths
    encoder = sum(a * b + b for a, b in zip(
        widths[:-1], (*hidden[1:], 2 * latent), strict=True))
    back = widths[::-1]
    decoder = sum(a * b + b for a, b in zip(back[:-1], back[1:],
                                            strict=True))
    print(f"{name:24s} λ for each image: 2ND = {2 * latent * num_images:9,}"
          f"   encoder {encoder:8,}   decoder {decoder:8,}")


table_row("these digits", len(train), sizes)
table_row("MNIST, 784-256-64-2", 55_000, (784, 256, 64, 2))
table_row("a million of those", 1_000_000, (784, 256, 64, 2))
print("counted in our dict:", amortised.count_parameters(vae))

# %% [markdown] tags=["covers: D46 D48 D52 D53 X17"]
# For the lecture's MNIST the encoder 784-256-64-(2, 2) and the decoder 2-64-256-784 have about
# 218 000 parameters each: as many as the 220 000 of $2ND$. For our small data set amortising even
# costs some; the point is that the number does not grow with N, and that the 55 001st image
# costs one pass through a network.
#
# > **Spot the error.** *By using an encoder we only change the parameterization of q: instead of
# > $\lambda_n$ we optimise $\phi$. The family stays the same.*
# >
# > <details><summary>Answer</summary>
# >
# > Each single $q$ stays Gaussian. But the N Gaussians can no longer be chosen independently: what
# > is good for one image changes the others. The set of attainable $(\lambda_1, \dots, \lambda_N)$
# > is smaller, and so is the best ELBO. The difference is called the **amortization gap**; section
# > 9 measures it.
# > </details>
#
# ### What a code costs
#
# The ELBO will contain the KL from the prior, and both are Gaussian. Coordinate by coordinate,
# with $\log q - \log p = -\omega - \frac{(z - \mu)^2}{2\sigma^2} + \frac{z^2}{2}$ (the constants
# $\frac12\log 2\pi$ cancel), averages $E_q[(z - \mu)^2] = \sigma^2$ and
# $E_q[z^2] = \mu^2 + \sigma^2$:
#
# $$\mathrm{KL}\big(q(z_n)\,\Vert\,N(0, I)\big)
# = \sum_{d=1}^D \Big( -\omega_d - \tfrac12 + \tfrac12(\mu_d^2 + \sigma_d^2) \Big)
# = \tfrac12 \sum_{d=1}^D \big( \mu_d^2 + e^{2\omega_d} - 1 - 2\,\omega_d \big) . \tag{5}$$
#
# ### Exercise 11.2 · The KL of a code from the prior (4 points)
#
# Write (5), in closed form: one number for each image, the sum over the last axis. Any leading
# axes are allowed, none included.

# %% exercise="E11.2"
def kl_diag_gaussian_standard(mu, log_sd):
    """Return KL( N(mu, diag(sd**2)) || N(0, I) ) for each image.

    mu: means (..., D).
    log_sd: logarithms of the standard deviations (..., D).
    Returns (...), in nats: at least 0.
    """
    ### BEGIN SOLUTION
    terms = mu**2 + np.exp(2.0 * log_sd) - 1.0 - 2.0 * log_sd
    return 0.5 * np.sum(terms, axis=-1)
    ### END SOLUTION

# %% check="E11.2" seed=11201

# %% [markdown] tags=["covers: C16"]
# One program compares this with an estimate of the same KL from draws, $\log q(z) - \log p(z)$. Both
# have the same mean. In the noise they differ:

# %% tags=["demo", "covers: C16"]
closed = amortised.kl_diag_gaussian_standard(mu, omega)
z = q.transport(lam, eps)
sampled = q.log_prob(lam, z) - np.sum(densities.normal(z), axis=-1)
print(f"mean KL of 100 images: closed form {np.mean(closed):.2f}, "
      f"400 draws each {np.mean(sampled):.2f} nats")
print(f"sd of one draw: closed form 0, from a draw "
      f"{np.mean(np.std(sampled, axis=0)):.2f} nats an image")
print(f"smallest single value from a draw: {np.min(sampled):.1f} "
      "(a KL is never negative)")

# %% [markdown] tags=["covers: B27 F07 D49 X18"]
# ## 5 · The bound of a batch
#
# Everything is independent between images, so the log evidence is a sum over them, and each has an
# ELBO of its own. From lesson 1, for one image,
#
# $$\begin{aligned}
# \mathcal L_n(w, \phi) &= E_{q_\phi(z \mid x_n)}\big[\log p_w(x_n, z) - \log q_\phi(z \mid x_n)\big] \\
# &= E_q\big[\log p_w(x_n \mid z)\big] + E_q\big[\log p(z) - \log q_\phi(z \mid x_n)\big] \\
# &= \underbrace{E_q\big[\log p_w(x_n \mid z)\big]}_{\text{reconstruction}}
# \;-\; \underbrace{\mathrm{KL}\big(q_\phi(z \mid x_n)\,\Vert\,p(z)\big)}_{\text{price of the code}}
# \ \le\ \log p_w(x_n) .
# \end{aligned} \tag{6}$$
#
# Encode, decode, compare; and pay for the code. An *autoencoder* with a bill. Note what is
# maximised over what:
#
# - In $\phi$, with $w$ fixed, this is variational inference: the KL to the posteriors falls.
# - In $w$, with $\phi$ fixed, it is an approximate maximum likelihood: a lower bound of the evidence
#   rises.
# - Both happen at once, by one gradient. *"Maximising the ELBO minimises
#   $\mathrm{KL}(q\,\Vert\,p(z \mid x))$"* is true for a fixed model only. With $w$ free, $\log p_w(x)$
#   moves, too, and the decoder may even prefer posteriors that $q$ can express.
#
# Stochastic gradients come in twice. A **minibatch** of B images stands for all N: the mean over
# the batch is an unbiased estimate of the mean over the data. And the expectation is replaced by
# **one draw**, reparameterized as in lesson 6, $z = \mu + e^\omega \varepsilon$:
#
# $$\hat{\mathcal L} = \frac1B \sum_{n \in \text{batch}} \Big(
# \log p_w\big(x_n \mid \mu_n + e^{\omega_n}\varepsilon_n\big)
# - \beta\, \mathrm{KL}\big(q(z_n)\,\Vert\,N(0, I)\big) \Big), \qquad
# (\mu_n, \omega_n) = \text{encoder}_\phi(x_n) . \tag{7}$$
#
# The weight $\beta$ is 1 in the ELBO; section 7 has a use for other values. Three axes, three
# rules: pixels are summed, coordinates are summed, images are averaged.

# %% tags=["demo", "covers: D49 D50"]
fig, ax = plt.subplots(figsize=(6, 3.9))
ax.set(xlim=(0, 12), ylim=(0, 7.4))
ax.axis("off")


def box(xy, text, color, width=2.1, tall=1.1):
    ax.add_patch(plt.Rectangle((xy[0] - width / 2, xy[1] - tall / 2), width,
                               tall, fc="white", ec=color, lw=2.5, zorder=3))
    ax.text(*xy, text, ha="center", va="center", fontsize=11, zorder=4)


def line(a, b, color=plots.BLACK, style="-"):
    ax.annotate("", b, a, arrowprops={"arrowstyle": "-|>", "lw": 1.8,
                                      "color": color, "ls": style})


box((1.2, 5), "image\n$x$", plots.BLACK, 1.7)
box((3.9, 5), "encoder\n$\\phi$", plots.VERMILLION, 1.9)
box((6.4, 6.2), "$\\mu$", plots.VERMILLION, 1.2, 0.9)
box((6.4, 4.4), "$\\omega$", plots.VERMILLION, 1.2, 0.9)
box((7.5, 2.6), "$\\varepsilon$ ~ N(0, I)", plots.BLACK, 2.1, 0.9)
box((9.8, 5), "$z = \\mu + e^\\omega\\varepsilon$", plots.GREEN, 2.8)
box((9.8, 2.4), "decoder\n$w$", plots.BLUE, 2.0)
box((6.0, 0.7), "$\\log p(x\\,|\\,z) - $KL", plots.BLACK, 3.2, 1.0)
for a, b in (((2.1, 5), (2.9, 5)), ((4.9, 5.2), (5.7, 6.1)),
             ((4.9, 4.8), (5.7, 4.5)), ((7.1, 6.1), (8.3, 5.3)),
             ((7.1, 4.5), (8.3, 4.9)), ((8.0, 3.1), (9.1, 4.4)),
             ((9.8, 4.4), (9.8, 3.0)), ((9.4, 1.8), (7.7, 0.8)),
             ((1.2, 4.4), (4.3, 0.8)), ((6.1, 3.9), (5.4, 1.3))):
    line(a, b)
line((10.6, 3.0), (10.6, 4.4), plots.PURPLE, "--")
line((8.2, 5.8), (7.2, 6.5), plots.PURPLE, "--")
line((5.6, 6.6), (4.4, 5.7), plots.PURPLE, "--")
ax.text(10.9, 3.6, "gradient", color=plots.PURPLE, fontsize=11)
plots.show(fig, alt="Diagram of one training step. An image goes into the "
           "encoder, which returns mu and omega; with noise they make the "
           "code z; the decoder turns it into logits; likelihood minus KL is "
           "the bound. Dashed arrows: the gradient flows back through the "
           "decoder, z and mu into the encoder (and through omega in the "
           "same way), and not into the noise.")

# %% [markdown] tags=["covers: D49 D50"]
# The dashed line is what reparameterization is for: the gradient of the likelihood reaches the
# encoder *through the draw*. With the score function it would not pass.
#
# > **Spot the error.** A set of slides writes
# > $\log p(x) = \mathrm{KL}(q\,\Vert\,p(z|x)) + E_q[\log q(z) - \log p(x, z)]$ and says *the second
# > term is called the ELBO*; then, *the reconstruction loss is $E_q[\log p(x|z)]$.*

# %% tags=["demo", "covers: X48 F07"]
n = chosen[1]
kl_to_posterior = float(gap[n])
second = -float(elbo[n])
fit = float(elbo[n] + closed[n])
print(f"one digit: log p(x) = {evidence[n]:.2f} nats")
print(f"KL to the exact posterior {kl_to_posterior:.2f}, "
      f"E[log q − log p(x, z)] = {second:.2f}")
print(f"their sum {kl_to_posterior + second:.2f}, the difference "
      f"{kl_to_posterior - second:.2f}")
print(f"E log p(x|z) = {fit:.2f}: a log likelihood, at most 0")

# %% [markdown] tags=["covers: X48 F07"]
# > <details><summary>Answer</summary>
# >
# > $E_q[\log q - \log p(x, z)]$ is *minus* the ELBO, and the identity is
# > $\log p(x) = \mathrm{KL} + \mathrm{ELBO}$, so the signs in the formula are wrong as well: the
# > difference above is the evidence, the sum is not. And a *loss* is something small when things go
# > well: the reconstruction loss is $-E_q[\log p(x|z)]$.
# > </details>
#
# ### Exercise 11.3 · The ELBO of a batch (6 points)
#
# Write (7). For the networks take the library's: `amortised.encode(params, x)` gives
# $(\mu, \omega)$ as one array (B, 2D), means in the first D columns, log sds in the others, and
# `amortised.mlp_decoder(params, z)` the logits (B, X). For the two terms take
# `amortised.bernoulli_log_likelihood` and `amortised.kl_diag_gaussian_standard`, or your functions
# above once they are right. The noise is given, one draw an image; the KL is taken in closed form. Autograd
# must find the gradient in `params`, so compute with this notebook's `np`, which is
# `autograd.numpy`, and assign nothing into arrays.

# %% exercise="E11.3"
def vae_elbo(params, x, eps, beta=1.0):
    """Return the (weighted) ELBO of a batch, a number, in nats an image.

    params: dict of arrays, encoder enc_W1, enc_b1, ... and decoder dec_...
    x: images of zeros and ones, (B, X).
    eps: standard normal noise (B, D), one row an image.
    beta: weight of the KL from the prior.
    Returns the mean over the batch of log p(x | z) - beta KL, with
    z = mu + sd * eps. Differentiable by autograd in params.
    """
    ### BEGIN SOLUTION
    dim = eps.shape[-1]
    lam = amortised.encode(params, x)
    mu, log_sd = lam[:, :dim], lam[:, dim:]
    logits = amortised.mlp_decoder(params, mu + np.exp(log_sd) * eps)
    fit = amortised.bernoulli_log_likelihood(x, logits)
    penalty = amortised.kl_diag_gaussian_standard(mu, log_sd)
    return np.mean(fit - beta * penalty)
    ### END SOLUTION

# %% check="E11.3" seed=11301

# %% [markdown] tags=["covers: D49"]
# ## 6 · Sum or mean: how a posterior collapses
#
# The commonest mistake with this bound is a mean in the place of a sum. A library's cross entropy
# averages over pixels unless told otherwise; the KL is summed. The objective is then
#
# $$\frac1X \log p(x \mid z) - \mathrm{KL} = \frac1X\Big( \log p(x \mid z) - X \cdot \mathrm{KL} \Big),$$
#
# that is, (7) with $\beta = X = 64$: the code costs 64 times what it is worth. Nothing crashes.

# %% tags=["demo"]
def mean_over_pixels(x, logits):
    return amortised.bernoulli_log_likelihood(x, logits) / x.shape[-1]


collapsed = amortised.train_vae(train, sizes, 400, default_rng(11),
                                log_lik=mean_over_pixels)


def kl_of_coordinates(params, images=test):
    """KL of each image and coordinate, (N, D)."""
    mu, omega = np.split(amortised.encode(params, images), 2, axis=1)
    return 0.5 * (mu**2 + np.exp(2 * omega) - 1 - 2 * omega)


fig = plt.figure(figsize=(6, 5.4))
top, bottom = fig.subfigures(2, 1, height_ratios=[3, 2.3])
for ax, params, name in zip(top.subplots(1, 2, sharey=True),
                            (vae, collapsed),
                            ("sum over pixels", "mean over pixels"),
                            strict=True):
    kl = np.mean(kl_of_coordinates(params), axis=0)
    latent_plots.kl_per_coordinate(ax, kl)
    ax.set(title=name, ylim=(0, 3.2))
    ax.label_outer()
    print(f"{name:17s} KL {np.round(kl, 2)}, test ELBO "
          f"{elbo_of(params):.1f}")
ax = bottom.subplots()
places = [np.flatnonzero(test_digit == d)[0] for d in range(8)]
both = [special.expit(amortised.mlp_decoder(
    p, amortised.encode(p, test[places])[:, :2])) for p in (vae, collapsed)]
latent_plots.reconstruction_strip(ax, test[places], np.array(both),
                                  shape=(height, height))
ax.set_yticks(ax.get_yticks(), ["image", "sum", "mean"])
print(f"independent pixels: {independent:.1f}")
plots.show(fig, alt="Top: with the sum both coordinates have a KL of more "
           "than one nat, with the mean both are 0. Bottom: eight digits and "
           "their reconstructions; with the sum they resemble the images, "
           "with the mean all are the same grey average digit.")

# %% [markdown]
# The second VAE has learnt the *prior* for every image, and a decoder that draws the average digit
# and ignores the code. Its ELBO is that of independent pixels: two networks that do what one row of
# 64 probabilities does. This state is called **posterior collapse**. The *right* objective has no
# slope there either: a code that the decoder ignores is best left at the prior, and a decoder whose
# code says nothing is best off ignoring it. But it is a saddle: a little of both pays, and training
# leaves it after some dozen steps (section 8 shows the ELBO rise past −25). With the wrong weight
# nothing pays. A nat of code costs 64 nats, and a whole image has only 25 to gain.
#
# So look at the KL of each coordinate, always. The reconstructions of a training set that goes well
# and the loss curve of one that has collapsed look equally calm.
#
# <details><summary><b>Concept 2:</b> somebody averages <i>everything</i>: the likelihood over
# pixels and images, the KL over coordinates and images. By which factor is the code too
# expensive, for X = 784 and D = 2? And for D = 32?</summary>
#
# The likelihood is divided by 784, the KL by D: the weight is $\beta = 784 / 2 = 392$, or
# $784/32 = 24.5$. Two wrongs do not make a right, and the mistake now depends on the sizes of the
# network, so that a program "works" with one latent dimension and not with another.
# </details>

# %% [markdown] tags=["covers: F11 C16"]
# ## 7 · The weight of the KL
#
# In the first steps of training a code says nothing yet: the decoder has not learnt to listen. Its
# price is real from the start. So the KL may win the first hundred steps, press the codes onto the
# prior, and training ends in the collapse of the last section. **KL annealing** gives the codes
# time: start with $\beta = 0$ and raise it to 1,
#
# $$\beta_t = \min\big(1,\ t / T\big), \qquad t = 0, 1, 2, \dots \tag{8}$$
#
# over a warm-up of $T$ steps. It was proposed for sentences (Bowman and others, with an S-shaped
# curve), where the decoder sees the previous words and can do well without any code; an example for
# clothes in 32 dimensions raises $\beta$ over 90 epochs. During the warm-up the objective is *not*
# a lower bound of the evidence ($\beta < 1$ is too cheap); at its end it is.
#
# ### Exercise 11.4 · KL annealing (2 points)
#
# Write (8): 0 at step 0, a straight line, 1 at step `warmup_steps` and ever after. Without a warm-up
# (`warmup_steps = 0`) $\beta$ is 1 from the first step on.

# %% exercise="E11.4"
def kl_annealing(step, warmup_steps):
    """Return the weight of the KL at a step, between 0 and 1.

    step: number of the step, 0, 1, 2, ...
    warmup_steps: length of the ramp, at least 0.
    """
    ### BEGIN SOLUTION
    if step >= warmup_steps:
        return 1.0
    return step / warmup_steps
    ### END SOLUTION

# %% check="E11.4" seed=11401

# %% [markdown] tags=["covers: X40 C16"]
# > **Spot the error.** In a published VAE the loss is computed by `mc_kl(mu, sigma, beta)`, where
# > the function was defined as `def mc_kl(mu, sigma, n=10, beta=1.0)`. Training runs without a
# > complaint.
# >
# > <details><summary>Answer</summary>
# >
# > $\beta$ arrives in the place of `n`, the number of draws, and `beta` keeps its default: no
# > annealing ever happened, and the result was reported as one with annealing. Pass such arguments
# > by name, `beta=beta`; better still, test that $\beta = 0$ changes the value. (The check of E11.3
# > does.) The same notebook divides a sum of batch *means* by N and calls it the test loss.
# > </details>
#
# Does it help here? With 16 latent coordinates, trained with and without a warm-up:

# %% tags=["demo", "covers: F11"]
fig, axes = plt.subplots(2, 1, figsize=(6, 5), sharex=True, sharey=True)
for ax, warmup in zip(axes, (0, 400), strict=True):
    wide = amortised.train_vae(train, (x.shape[1], 64, 16), 600,
                               default_rng(5), warmup_steps=warmup)
    kl = np.sort(np.mean(kl_of_coordinates(wide), axis=0))[::-1]
    latent_plots.kl_per_coordinate(ax, kl)
    ax.set_title(f"{warmup} steps of warm-up" if warmup else "no warm-up")
    ax.label_outer()
    print(f"warm-up {warmup:3d}: {np.sum(kl > 0.1):2d} of 16 coordinates "
          f"above 0.1 nats, KL {np.sum(kl):.1f}, test ELBO "
          f"{elbo_of(wide):.1f}")
plots.show(fig, alt="KL of each of 16 latent coordinates, sorted. Without "
           "a warm-up ten are used and the others have collapsed to 0; with "
           "a warm-up fourteen are in use, and the bars fall more slowly.")

# %% [markdown] tags=["covers: F11"]
# With a warm-up more coordinates stay in use. The ELBO has not gained from it: on these digits
# annealing changes how information is spread, not how well the model fits. That is no argument
# against annealing, and none for using it unseen. What a coordinate is *worth* is decided by the
# ELBO; unused ones are no error. They are the VAE's way to say that 16 were too many.
#
# ### What β does
#
# A weight other than 1 that is kept to the end changes what is learnt. Divide the objective by
# $\beta$: it is the ELBO of a model whose likelihood is taken to the power $1/\beta$, flatter for
# $\beta > 1$ and sharper for $\beta < 1$, and $q$ aims at that model's posterior. Move the slider:
# eight networks, trained alike (250 steps, one hidden layer each, so that even the best ELBO is
# below the one of section 1).

# %% tags=["demo", "covers: C16"]
BETAS = (0.0, 0.03, 0.1, 0.3, 1.0, 2.0, 4.0, 64.0)
family_of_betas = {
    b: amortised.train_vae(train, (x.shape[1], 64, 2), 250, default_rng(11),
                           beta=b, optimizer=optimizers.adam(0.02))
    for b in BETAS
}
print("  beta   reconstruction       KL   ELBO (beta = 1)")
for b, params in family_of_betas.items():
    kl = float(np.mean(np.sum(kl_of_coordinates(params), axis=1)))
    bound = elbo_of(params)
    print(f"{b:6.2f} {bound + kl:13.1f} {kl:12.1f} {bound:13.1f}")

# %% tags=["demo", "covers: C16 N24"]
def beta_page(fig, b):
    params = family_of_betas[b]
    left, right = fig.subplots(1, 2, width_ratios=[1.1, 1])
    codes = amortised.encode(params, test)[:, :2]
    reach = max(3.2, float(np.quantile(np.abs(codes), 0.99)) * 1.05)
    for d in range(10):
        rows = test_digit == d
        left.scatter(*codes[rows].T, s=14, color=plots.CYCLE[d % 7],
                     marker=latent_plots.MARKERS[d], lw=0)
    turn = np.linspace(0, 2 * np.pi, 100)
    left.plot(2 * np.cos(turn), 2 * np.sin(turn), color=plots.BLACK, lw=1.5)
    left.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal",
             title="codes of test images")
    latent_plots.latent_grid(right, lambda z: special.expit(
        amortised.mlp_decoder(params, z)), 7)
    right.set(xticks=[], yticks=[], xlabel="", ylabel="",
              title="decoded prior")


flipbook(
    beta_page, BETAS, label="β = {}", figsize=(6.4, 3.8), start=4,
    alt="Left the codes of the test images, coloured by digit, with the "
        "circle of radius 2 of the prior; right images decoded from the "
        "prior. With beta 0 the codes spread far beyond the circle and the "
        "prior decodes to few shapes; with beta 1 they fill it, and all "
        "digits appear; with beta 4 the codes lie on a short line, with "
        "64 in one point, and all images become the same."
)

# %% [markdown] tags=["covers: C16"]
# With $\beta = 0$ nothing keeps the codes near the prior: reconstructions are good, and what is
# decoded from the prior is not what the data look like. A large $\beta$ pays for order with detail,
# and at the end with everything. The ELBO itself (last column) is best at $\beta = 1$,
# which is where it is what was maximised.

# %% [markdown] tags=["covers: D50 D52 D53 D54"]
# ## 8 · Train it yourself
#
# ### The networks
#
# A **layer** is a matrix, a bias and something non-linear, $h' = \tanh(h W + b)$ for rows $h$. The
# last layer has no non-linearity, since logits, means and log sds may be any numbers. For
# `sizes = (784, 256, 64, 2)`
#
# - the encoder has widths 784-256-64-4: its last layer is twice as wide as the code;
# - the decoder has widths 2-64-256-784, the sizes in reverse.
#
# Parameters are a dict: `enc_W1` (784, 256), `enc_b1` (256,), …, `dec_W1` (2, 64), `dec_b1` (64,), …
# Weights start at random, with sds near $\sqrt{2/(\text{in} + \text{out})}$, so that signals neither
# die out nor explode; if all started at 0, all units of a layer would stay equal for ever. Biases may
# start at 0.
#
# ### The loop
#
# In each step draw a batch of rows and its noise, differentiate (7) in all parameters at once, move
# along the gradient. One draw an image is enough, $M = 1$: the batch averages already. For the
# step take Adam, which is stochastic gradient ascent with a step size of its own for each
# parameter, from running means of the gradient and its square:
#
# $$m \leftarrow 0.9\,m + 0.1\,g, \quad v \leftarrow 0.999\,v + 0.001\,g^2, \quad
# \text{params} \leftarrow \text{params} + \rho\, \frac{m / (1 - 0.9^t)}{\sqrt{v / (1 - 0.999^t)} + 10^{-8}} .$$
#
# Watch it at work on our digits; the movie was recorded in section 1.

# %% tags=["demo", "covers: D50 N24"]
captions = {k: elbo_of(p, draws=5) for k, p in movie.items()}
print("step     ", *(f"{k:6d}" for k in captions))
print("test ELBO", *(f"{v:6.1f}" for v in captions.values()))


def frame(fig, k):
    ax = fig.subplots()
    codes = amortised.encode(movie[k], test)
    latent_plots.latent_scatter(ax, codes[:, :2], test_digit)
    ax.set(xlim=(-4, 4), ylim=(-4, 4),
           title=f"step {k}: test ELBO {captions[k]:.1f}")


flipbook(
    frame, MOMENTS, label="step {}", figsize=(6.0, 4.8), start=9,
    alt="The codes of the test images in the latent plane, a colour and "
        "marker for each digit, while training goes on. After some steps all "
        "sit in one small heap; then they spread, and separate into groups "
        "by digit."
)

# %% [markdown] tags=["covers: D50 D52 D53 D54"]
# ### Exercise 11.5 · The networks and a training run (6 points)
#
# - `init_vae(sizes, rng)`: the dict of parameters, names and shapes as above, for any number of
#   hidden layers.
# - `mlp_decoder(params, z)`: the logits (…, X) for codes (…, D). As many layers as the dict holds:
#   with `dec_W1` alone the decoder is linear. Between the layers tanh (or ReLU; then in the encoder
#   that you train as well). Write it yourself, without the library's.
# - `count_parameters(params)`: how many numbers are in the dict.
# - `train_vae(x, sizes, num_steps, rng)`: initialise, make `num_steps` steps, return the
#   parameters. Everything random comes from `rng`. You may use your `vae_elbo`, or
#   `amortised.vae_elbo(params, x, eps)`; and `autograd.value_and_grad`, which takes a dict as it is
#   and returns a dict of gradients.
#
# The check trains sizes (64, 32, 2) for 300 steps on 1000 digits, and wants an ELBO above −23.5 on
# 400 others. Batches of 100 and Adam with $\rho = 0.01$ end near −22.5, in a second or so; a run may
# take six. Any other optimiser is fine if it gets there. (A run that misses gets two more chances,
# with other digits and other noise, so bad luck costs nothing.)

# %% exercise="E11.5"
def init_vae(sizes, rng):
    """Return initial parameters of encoder and decoder.

    sizes: widths (pixels, hidden, ..., latent).
    rng: np.random.Generator for the weights.
    Returns a dict enc_W1 (in, out), enc_b1 (out,), ..., dec_W1, ...;
    the encoder's last layer has 2 * latent outputs.
    """
    ### BEGIN SOLUTION
    *encoder, latent = sizes
    params = {}
    for net, widths in (("enc", (*encoder, 2 * latent)),
                        ("dec", tuple(sizes)[::-1])):
        pairs = zip(widths[:-1], widths[1:], strict=True)
        for k, (a, b) in enumerate(pairs, start=1):
            scale = np.sqrt(2.0 / (a + b))
            params[f"{net}_W{k}"] = scale * rng.standard_normal((a, b))
            params[f"{net}_b{k}"] = np.zeros(b)
    return params
    ### END SOLUTION


def mlp_decoder(params, z):
    """Return the logits of the pixels.

    params: as from init_vae; the decoder has layers dec_W1, dec_b1, ...
    z: codes (..., D).
    Returns (..., X), any real numbers.
    """
    ### BEGIN SOLUTION
    h, k = z, 1
    while True:
        h = h @ params[f"dec_W{k}"] + params[f"dec_b{k}"]
        k += 1
        if f"dec_W{k}" not in params:
            return h
        h = np.tanh(h)
    ### END SOLUTION


def count_parameters(params):
    """Return how many numbers the arrays of a dict hold together."""
    ### BEGIN SOLUTION
    return sum(np.size(value) for value in params.values())
    ### END SOLUTION


def train_vae(x, sizes, num_steps, rng):
    """Return the parameters of a VAE after num_steps steps of ascent.

    x: images of zeros and ones, (N, pixels).
    sizes: widths (pixels, hidden, ..., latent), as in init_vae.
    num_steps: number of gradient steps.
    rng: np.random.Generator for weights, batches and noise.
    """
    ### BEGIN SOLUTION
    from autograd import grad

    params = init_vae(sizes, rng)
    slope = grad(vae_elbo)
    m = {name: np.zeros_like(p) for name, p in params.items()}
    v = {name: np.zeros_like(p) for name, p in params.items()}
    for t in range(1, num_steps + 1):
        rows = rng.choice(len(x), min(100, len(x)), replace=False)
        g = slope(params, x[rows],
                  rng.standard_normal((len(rows), sizes[-1])))
        for name in params:
            m[name] = 0.9 * m[name] + 0.1 * g[name]
            v[name] = 0.999 * v[name] + 0.001 * g[name] ** 2
            step = m[name] / (1 - 0.9**t)
            scale = np.sqrt(v[name] / (1 - 0.999**t)) + 1e-8
            params[name] = params[name] + 0.01 * step / scale
    return params
    ### END SOLUTION

# %% check="E11.5" seed=11501

# %% [markdown] tags=["covers: D54 N24"]
# ### From a linear to a non-linear decoder
#
# How much does the network matter? The same encoder, 600 steps each, three decoders. The first is
# linear, logits $= zW + b$ (its weights have to grow larger, so it gets a longer step).

# %% tags=["demo", "covers: D54 N24"]
DECODERS = {"linear, 2-64": ((2, x.shape[1]), 0.03),
            "one hidden layer, 2-32-64": ((2, 32, x.shape[1]), 0.01),
            "two hidden layers, 2-32-64-64": (None, 0.01)}
decoders = {
    name: amortised.train_vae(train, sizes, 600, default_rng(11),
                              decoder_sizes=widths,
                              optimizer=optimizers.adam(rate))
    for name, (widths, rate) in DECODERS.items()
}
print(f"{'independent pixels':32s} test ELBO {independent:6.1f}")
for name, params in decoders.items():
    own = sum(v.size for k, v in params.items() if "dec" in k)
    print(f"{name:32s} test ELBO {elbo_of(params):6.1f}, training "
          f"{elbo_of(params, train):6.1f}, {own:5d} weights")

# %% tags=["demo", "covers: D54 N24"]
fig, axes = plt.subplots(2, 1, figsize=(6, 7.6))
for ax, name in zip(axes, (list(decoders)[0], list(decoders)[2]),
                    strict=True):
    codes = amortised.encode(decoders[name], test)[:, :2]
    latent_plots.latent_scatter(ax, codes, test_digit)
    ax.set(xlim=(-3.6, 3.6), ylim=(-3.6, 3.6), title=name)
plots.show(fig, alt="Codes of the test images by digit for two decoders. "
           "Linear: the digits overlap widely around the centre. Two hidden "
           "layers: zeros, sixes, fours and sevens form groups of their own, "
           "with fives, eights and nines mixed between them.")

# %% [markdown] tags=["covers: D54 N24"]
# A linear decoder can add ink along two directions and nothing else. One hidden layer makes the
# plane bend, and gains nearly three nats an image; the second adds less than one. More capacity is not
# always better: once the training ELBO pulls away from the test ELBO, the decoder learns single
# images by heart. That is the only overfitting a VAE knows in $w$, and there is one in $\phi$ as
# well: an encoder that is good on the images it has seen.
#
# <details><summary><b>Concept 3:</b> you give the decoder a hidden layer of 10 000 units, and the
# training ELBO goes up while the test ELBO goes down. Is the bound wrong?</summary>
#
# No. The bound holds for each image and each $w$, and test images are images. With a point estimate
# of $w$ the *training* evidence is optimistic, as every maximum likelihood is; the ELBO is a bound
# of that evidence, not of what you get on new data. Hence a test set; or a prior on the weights
# (lesson 10).
# </details>
#
# ## 9 · Whose fault is the gap?
#
# The distance between $\log p(x)$ and the ELBO is the KL from $q$ to the posterior. It has two
# causes:
#
# $$\log p(x_n) - \mathcal L_n(\phi)
# = \underbrace{\log p(x_n) - \max_{\lambda} \mathcal L_n(\lambda)}_{\text{family: no Gaussian fits better}}
# + \underbrace{\max_{\lambda} \mathcal L_n(\lambda) - \mathcal L_n(\phi)}_{\text{amortization: the encoder misses it}} . \tag{9}$$
#
# Where both can be computed: let the decoder be linear and the pixels Gaussian,
# $x \mid z \sim N(Wz + b,\ \text{sd} = s)$. Then $x$ and $z$ are jointly Gaussian, and with
# $P = I + W^\top W / s^2$
#
# $$p(z \mid x) = N\big(P^{-1} W^\top (x - b) / s^2,\ \text{cov} = P^{-1}\big), \qquad
# p(x) = N\big(b,\ \text{cov} = W W^\top + s^2 I\big) . \tag{10}$$
#
# The best mean field has the posterior's mean and the *conditional* sds $1/\sqrt{P_{dd}}$, by
# lesson 2. The mean is linear in $x$ and the sds do not depend on it: a linear encoder can be
# exact. A tanh encoder with few units cannot.

# %% tags=["demo", "covers: D48 D45"]
exact = amortised.LinearVAE(
    np.array([[1.0, 0.6], [0.8, 0.7], [-0.4, 0.9], [0.2, 0.8], [0.9, 0.1]]),
    np.zeros(5), 0.7)
seen, fresh = (exact.sample(default_rng(s), 400) for s in (21, 22))


def fit_encoder(widths):
    """An encoder for this decoder, by the exact ELBO."""
    return amortised.train(
        lambda params, rows, eps, step: np.mean(
            exact.elbo(seen[rows], amortised.mlp(params, seen[rows]))),
        amortised.init_mlp(widths, default_rng(3)), len(seen),
        batch_size=len(seen), num_steps=500, rng=default_rng(4),
        optimizer=optimizers.adam(lambda t: 0.05 / (1 + t / 100)),
    ).params


ENCODERS = {"tanh, 1 hidden unit": (5, 1, 4), "tanh, 2 units": (5, 2, 4),
            "tanh, 8 units": (5, 8, 4)}
proposed = {name: amortised.mlp(fit_encoder(widths), fresh)
            for name, widths in ENCODERS.items()}
P = np.eye(2) + exact.W.T @ exact.W / exact.noise_sd**2
proposed["linear, from (10)"] = exact.family.pack(
    fresh @ exact.W @ np.linalg.inv(P) / exact.noise_sd**2,
    np.tile(-0.5 * np.log(np.diag(P)), (len(fresh), 1)))
print("                      total = family + amortization   "
      "(nats, mean of 400 fresh x)")
found = {}
for name, code in proposed.items():
    found[name] = exact.gaps(fresh, code)
    total, family, amortization = (np.mean(g) for g in found[name])
    print(f"{name:22s}{total:6.3f} = {family:.3f}  + {amortization:.3f}")

# %% tags=["demo", "covers: D48 D45"]
names = list(found)
family = np.array([np.mean(found[name].family) for name in names])
amort = np.array([np.mean(found[name].amortization) for name in names])
fig, ax = plt.subplots(figsize=(6, 3.4))
ax.barh(names, family, color=plots.BLUE, label="family")
ax.barh(names, amort, left=family, color=plots.ORANGE, hatch="//",
        label="amortization")
ax.set(xlabel="log p(x) − ELBO, mean (nats)")
ax.invert_yaxis()
ax.legend()
post_mean, post_cov = exact.posterior(fresh[:1])
best = exact.best_lam(fresh[:1])[0]
print("one observation      mean              sds")
print("exact posterior    ", post_mean[0], np.sqrt(np.diag(post_cov)))
print("best mean field    ", best[:2], np.exp(best[2:]))
for name, code in proposed.items():
    print(f"{name:19s}", code[0, :2], np.exp(code[0, 2:]))
plots.show(fig, alt="Bars of the mean gap between log evidence and ELBO for "
           "four encoders, each split into a family part, the same for all, "
           "and an amortization part: very large for one tanh unit, small "
           "for two, hardly visible for eight and none for the linear "
           "encoder.")

# %% [markdown] tags=["covers: D48 X17"]
# The family's part is the same for all, the price of ignoring the correlation of the two
# coordinates: no encoder can win it back. The rest is amortization, from nearly all of the gap down
# to none. (A single hidden unit passes on one number of the five: no code for a plane.)
#
# ### The gap on the digits
#
# There (9) can be measured as well: the evidence from the grid, and the best $\lambda$ of each image
# by plain variational inference, started at the encoder's proposal.

# %% tags=["demo", "covers: D48"]
refined = amortised.amortization_gap(vae, few, default_rng(8),
                                     num_steps=150, eval_draws=400)
family_part = evidence - refined.refined
amort_part = refined.gap
print(f"mean of 100 test images: gap "
      f"{np.mean(family_part + amort_part):.3f} = family "
      f"{np.mean(family_part):.3f} + amortization {np.mean(amort_part):.3f}")
n = int(np.argmax(family_part + amort_part))
print(f"worst image, a {test_digit[n]}: family {family_part[n]:.1f}, "
      f"amortization {amort_part[n]:.1f}")
on_train = amortised.amortization_gap(vae, train[:100], default_rng(8),
                                      num_steps=150, eval_draws=400)
print(f"100 training images: amortization {np.mean(on_train.gap):.3f}")

# %% [markdown] tags=["covers: D48"]
# Most of the gap is the encoder's, also for the worst image: a Gaussian on one of the two islands
# would lose little, at most about $\log 2$, but the encoder could not decide between them. On training
# images the gap is about as large, so it is not that the encoder has learnt single images by heart.
# It is too small then, or has not been trained enough. (The remedies: a larger encoder, longer
# training, some steps of refinement for images that matter, or the next section.) The search for
# $\lambda$ may itself stop short of the best; so the encoder's part is at least what is printed, and
# the family's at most.
#
# <details><summary><b>Concept 4:</b> you train with an encoder, keep the decoder, and throw the
# encoder away: at test time each image gets its own λ. Has amortising cost anything then?</summary>
#
# Yes, in the decoder. During training the bound was too low for images that the encoder misjudged,
# and the decoder was bent to make posteriors easy for *this* encoder. Refining λ afterwards does not
# undo that.
# </details>

# %% [markdown] tags=["covers: D45 D48"]
# ## 10 · A tighter bound from several samples
#
# The evidence is an average over the prior, and, by importance sampling, over any $q$:
# $p(x) = E_q\big[p(x, z)/q(z)\big] = E_q[v]$. An average of K weights estimates it without bias.
# Its logarithm is biased, downwards, since the logarithm is concave (Jensen):
#
# $$\mathcal L_K = E\Big[\log \frac1K \sum_{k=1}^K v_k\Big] \le
# \log E\Big[\frac1K \sum_k v_k\Big] = \log p(x), \qquad
# v_k = \frac{p(x, z_k)}{q(z_k)},\quad z_k \sim q . \tag{11}$$
#
# For $K = 1$ this is the ELBO. And it rises with K. For a proof, let $I$ be a random subset of
# $K$ out of $K + 1$ samples, all equally likely. The mean over all $K + 1$ weights is the average,
# over $I$, of the means over $I$; so
#
# $$\log \frac1{K+1}\sum_{k=1}^{K+1} v_k = \log E_I\Big[\frac1K\sum_{k \in I} v_k\Big]
# \ge E_I\Big[\log \frac1K\sum_{k \in I} v_k\Big],$$
#
# and taking expectations on both sides, $\mathcal L_{K+1} \ge \mathcal L_K$. As $K$ grows the
# average settles at $p(x)$ (if the weights have a finite variance), whatever $q$ is. Used for
# training, this bound is the *importance weighted autoencoder*; used for testing, it is how
# held-out images are usually scored.
#
# ### Exercise 11.6 · The importance-weighted bound (4 points)
#
# Given log weights, return $\log\frac1K\sum_k v_k$. The samples are on the first axis: (K,) gives
# a number, (K, N) one bound for each of N images, (N,). The log weights of real images are around
# −20 to −200, or −3000 for large ones, and may be $-\infty$ for single samples. Write it without
# the library's `log_mean_exp`.

# %% exercise="E11.6"
def importance_weighted_bound(log_w):
    """Return the logarithm of the mean weight of each image, in nats.

    log_w: log p(x, z_k) - log q(z_k), (K,) or (K, N); -inf allowed.
    Returns a number or (N,).
    """
    ### BEGIN SOLUTION
    top = np.max(log_w, axis=0)
    return top + np.log(np.mean(np.exp(log_w - top), axis=0))
    ### END SOLUTION

# %% check="E11.6" seed=11601

# %% tags=["demo", "covers: D45 D48"]
counts = np.array([1, 2, 5, 10, 20, 50, 100, 200])
curves = {}
noise = default_rng(9).standard_normal((200, 400, 2))
for name in ("tanh, 1 hidden unit", "tanh, 8 units"):
    code = proposed[name]
    z = exact.family.transport(code, noise)
    log_w = exact.log_joint(fresh, z) - exact.family.log_prob(code, z)
    curves[name] = [np.mean(estimators.importance_weighted_bound(log_w[:K]))
                    for K in counts]
log_p = np.mean(exact.log_evidence(fresh))
log_w = amortised.vae_values(vae, few,
                             default_rng(9).standard_normal((200, 100, 2)))
digits_curve = [np.mean(estimators.importance_weighted_bound(log_w[:K]))
                for K in counts]
fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.9))
for (name, curve), style in zip(curves.items(), ("s--", "o-"), strict=True):
    left.semilogx(counts, curve, style, label=name)
left.axhline(log_p, color=plots.BLACK, lw=1.5, label="log p(x), exact")
left.set(xlabel="samples K", ylabel="bound (nats)",
         title="linear-Gaussian")
left.legend(fontsize=10, loc="lower right")
right.semilogx(counts, digits_curve, "o-", color=plots.BLUE)
right.axhline(np.mean(evidence), color=plots.BLACK, lw=1.5)
right.set(xlabel="samples K", title="100 test digits")
print("K                      ", *(f"{K:7d}" for K in counts), "  exact")
for name, curve in curves.items():
    print(f"{name:23s}", *(f"{v:7.3f}" for v in curve), f"{log_p:7.3f}")
print(f"{'digits':23s}", *(f"{v:7.2f}" for v in digits_curve),
      f"{np.mean(evidence):7.2f}")
rest = np.sort(evidence - estimators.importance_weighted_bound(log_w))
print(f"rest at K = 200: {np.mean(rest):.2f} nats an image, of which the "
      f"two worst images make {np.sum(rest[-2:]) / np.sum(rest):.0%}")
plots.show(fig, alt="The bound against the number of samples, logarithmic "
           "axis. Left, linear Gaussian decoder: both encoders' curves rise "
           "to the exact log evidence, the good one at once, the poor one "
           "from far below without reaching it. Right, digits: the curve "
           "rises and flattens a little below the evidence from the grid.")

# %% [markdown] tags=["covers: D45 D48"]
# More samples forgive a poor encoder, but slowly: the one with a single unit gains more than a nat
# with 200 samples and is not there yet, while the good one hardly needs them. On the digits three
# quarters of the gap are gone at $K = 20$. Half of what is left at $K = 200$ belongs to two of the
# hundred images (last line). One of them is the third of section 3: samples from between the islands
# hardly ever reach one. A bound that no longer rises need not be the evidence.
#
# <details><summary><b>Concept 5:</b> a colleague forgets the $1/K$ and reports
# $\log\sum_k v_k$ with K = 5000. By how much do the results improve?</summary>
#
# By $\log 5000 = 8.5$ nats an image: more than the whole difference between independent pixels and
# our VAE. It is no lower bound any more. Test scores above the exact evidence of a simple model are
# a good reason to look for such a slip.
# </details>

# %% [markdown] tags=["covers: D48"]
# ## 11 · Where this breaks
#
# **An encoder answers every question, also those it never learnt.** Ink and paper exchanged: for us
# still digits, for the encoder something it has never seen. It returns a mean and two sds all the
# same. The exact posterior under this decoder is another.

# %% tags=["demo", "covers: D48"]
negative = 1.0 - few[:50]
log_p, _, means, sds = on_the_grid(negative, 1.8 * side)
values = amortised.vae_values(vae, negative, eps[:, :50])
bound = np.mean(values, axis=0)
codes = amortised.encode(vae, negative)
print(f"digits:    log p(x) {np.mean(evidence[:50]):7.1f}   "
      f"ELBO {np.mean(elbo[:50]):7.1f}")
print(f"negatives: log p(x) {np.mean(log_p):7.1f}   ELBO "
      f"{np.mean(bound):7.1f}")
print(f"encoder's sds, geometric mean: digits "
      f"{np.exp(np.mean(omega[:50])):.2f}, negatives "
      f"{np.exp(np.mean(codes[:, 2:])):.2f}")
print(f"exact means reach at most {np.max(np.abs(means)):.1f}; the grid ends "
      "at 9")
print(f"distance of its mean from the exact one: digits "
      f"{np.mean(np.abs(mu[:50] - exact_mean[:50])):.2f}, negatives "
      f"{np.mean(np.abs(codes[:, :2] - means)):.2f}")

# %% [markdown] tags=["covers: D44"]
# The encoder claims to know its answer to a third of a unit, and is off by more than ten times as
# much. Its own sds are no warning; the ELBO is one, here. (In general even the evidence of an image is no safe
# sign that it belongs to the data: very simple images can have a high one.)
#
# **Draws are not means.** The pictures of this lesson show probabilities. The model says that
# pixels are *independent* given the code; its draws look accordingly:

# %% tags=["demo", "covers: D44 N24"]
codes = amortised.encode(vae, test[places])[:, :2]
probability = decode(codes)
coins = default_rng(6).uniform(size=(2, *probability.shape)) < probability
fig, ax = plt.subplots(figsize=(6, 3.2))
latent_plots.reconstruction_strip(
    ax, test[places], np.array([probability, *coins]),
    shape=(height, height))
ax.set_yticks(ax.get_yticks(), ["image", "decoded", "draw", "draw"])
per_pixel = np.mean(coins[0] != test[places])
print(f"pixels of a draw that differ from the image: {per_pixel:.0%}")
plots.show(fig, alt="Eight digits in four rows: the image, the decoder's "
           "probabilities in grey, and two draws of black and white pixels, "
           "in which isolated pixels are missing or too many.")

# %% [markdown] tags=["covers: D47 X17"]
# **The codes have no names.** Rotate the plane: the prior stays the same, the decoder can turn
# along, and no image changes its probability. What $z_1$ means is an accident of the seed. So are
# distances in the picture; do not read them as similarity of digits.
#
# **Two numbers are few.** All this was for a plane, since it can be drawn and integrated. With
# 16 coordinates (section 7) fewer steps gave a better test ELBO, and there nobody has an exact
# posterior any more: then the bound in K, and the diagnostics of lesson 12, are all there is.
#
# ## Summary
#
# - A latent variable model with a network as decoder: $z_n \sim N(0, I)$,
#   $x_n \mid z_n \sim$ Bernoulli with logits from the network. $\log p(x|\ell) = x\ell -
#   \mathrm{softplus}(\ell)$, summed over pixels.
# - An encoder returns $\lambda_n = (\mu_n, \log\sigma_n)$ for each image: amortised inference. It
#   saves the search for new images and restricts $q$.
# - ELBO of a batch: mean over images of reconstruction minus KL, both *sums* within an image. A mean
#   over pixels multiplies the price of a code by X, and the posterior collapses.
# - Annealing raises $\beta$ from 0 to 1. Pass it by name, and check the KL of each coordinate.
# - The gap to the evidence is the family's plus the encoder's. K samples tighten the bound; without
#   the $1/K$ it is none.
#
# ## Open question (5 points)
#
# **Linear or not, and how large?** The lecture's task is to replace a linear decoder by a
# non-linear one and to explore its capacity. Describe what you expect, and what you see, when the
# decoder goes from linear to one and two hidden layers, and when the latent space goes from 2 to 8
# coordinates: for the training ELBO, the test ELBO, the KL of the coordinates, and the latent
# picture. How would you decide how large encoder and decoder should be? And is a better test ELBO
# always a better *posterior* for a new image? Support it with at least two numbers of your own from
# this notebook (a few lines with `amortised.train_vae` suffice). About ten sentences.

# %% [markdown] open="O11" points=5
# <!-- BEGIN SOLUTION -->
# A linear decoder of a 2-D code can only add two patterns of ink to the mean image: the logits lie
# in a plane. It gains little over independent pixels (−23.5 against −25.3 nats on the test
# digits after 600 steps). One hidden layer bends the plane into a surface: −20.8. A second hidden
# layer adds less than a nat, −20.1, so with two coordinates the bottleneck is soon the code, not the
# network (1 point for an expectation with a reason, 1 for two numbers of one's own).
#
# With 8 coordinates and one hidden layer 600 steps reach about −18.9, more than a nat better; the sum of the KLs grows (more is said
# about each image) but some coordinates carry far less than others or collapse: the model switches
# off what it does not need. There is no single picture of 8 dimensions, and a projection of it
# shows less separation than the 2-D code, which had to pack everything into the plane (1 point for
# what happens to the KL of the coordinates).
#
# Decide on held-out data: enlarge the decoder until the test ELBO stops rising (training above test
# means learning by heart), the encoder until the amortization gap on held-out images is small
# compared with the differences one cares about; compare models by the bound with large K, so that a
# bad encoder is not mistaken for a bad model (1 point).
#
# No: the ELBO is evidence minus KL to the posterior. A more flexible decoder can raise the evidence
# by more than the gap grows; its posteriors are then more complicated, and a factorised Gaussian
# from the encoder fits them worse. The test ELBO improves while q for a new image becomes a worse
# approximation. What shows it: the gap in (9), or k-hat (lesson 12) (1 point).
# <!-- END SOLUTION -->

# %% [markdown]
# ## References
#
# - D. Kingma, M. Welling, *Auto-Encoding Variational Bayes*, ICLR 2014: the bound (6) and its
#   estimator with a closed KL, section 2; appendix B has our (5).
# - D. Rezende, S. Mohamed, D. Wierstra, *Stochastic Backpropagation and Approximate Inference in
#   Deep Generative Models*, ICML 2014: the same model, found independently.
# - S. Bowman, L. Vilnis, O. Vinyals, A. Dai, R. Jozefowicz, S. Bengio, *Generating Sentences from a
#   Continuous Space*, CoNLL 2016 (arXiv 1511.06349): KL annealing, section 3.1.
# - I. Higgins and others, *β-VAE: Learning Basic Visual Concepts with a Constrained Variational
#   Framework*, ICLR 2017.
# - C. Cremer, X. Li, D. Duvenaud, *Inference Suboptimality in Variational Autoencoders*, ICML 2018:
#   the two gaps of (9).
# - Y. Burda, R. Grosse, R. Salakhutdinov, *Importance Weighted Autoencoders*, ICLR 2016: the bound
#   (11) and that it rises with K, theorem 1.
# - M. Tipping, C. Bishop, *Probabilistic Principal Component Analysis*, Journal of the Royal
#   Statistical Society B 61, 1999: the linear-Gaussian model of section 9.
# - D. Kingma, J. Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015: algorithm 1.
# - E. Alpaydin, C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning
#   Repository, 1998: the images.
