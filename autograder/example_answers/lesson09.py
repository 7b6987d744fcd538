"""Students' answers to lesson 9, a tiny probabilistic language."""

from __future__ import annotations

from autograder.example_answers import StudentAnswer

_SAMPLE = """\
return send({"type": "sample", "name": name, "dist": dist, "value": obs,
             "observed": obs is not None, "scale": 1.0, "rng": None,
             "params": {}, "plates": [], "default": _draw_site})"""
_PARAM = """\
T = for_support(constraint)
return send({"type": "param", "name": name, "dist": None, "value": None,
             "observed": False, "scale": 1.0, "rng": None, "params": {},
             "plates": [], "init": T.forward(np.array(init, dtype=float)),
             "default": lambda m: T.inverse(m["params"][name])
             if name in m["params"] else init})"""
_PLATE = """\
B = subsample_size or size
def choose(message):
    if B == size:
        return np.arange(size)
    return message["rng"].permutation(size)[:B]
def count(message):
    message["plates"].insert(0, (name, size, B))
    if message["type"] == "sample":
        message["scale"] = {scale}
rows = send({{"type": "plate", "name": name, "dist": None, "value": None,
             "observed": False, "scale": 1.0, "rng": None, "params": {{}},
             "plates": [], "default": choose}})
with Handler(before=count):
    yield rows"""
_TRACE = """\
def run(*args):
    sites = {{}}
    def before(m):
        m["rng"], m["params"], m["stop"] = rng, params or {{}}, True
        if m["type"] == "param" and m["name"] in sites:
            m["value"] = sites[m["name"]]["value"]
    def after(m):
        if m["type"] == "param" and m["name"] in sites:
            return
        {duplicates}
        sites[m["name"]] = m
        if m["dist"] is None:
            m["log_prob"] = 0.0
        else:
            m["log_prob"] = m["dist"].log_prob(m["value"])
    with Handler(before, after):
        fn(*args)
    return sites
return run"""
_REFUSED = """\
if m["name"] in sites:
            raise ValueError("two sites called " + m["name"])"""


def _words(draw: str, scale: str, duplicates: str) -> tuple[str, ...]:
    sample = _SAMPLE.replace("_draw_site", draw)
    return (sample, _PARAM, _PLATE.format(scale=scale), _TRACE.format(duplicates=duplicates))


_DRAW = """lambda m: m["dist"].sample(m["rng"])"""
_DRAW_OR_RAISE = """\
lambda m: m["dist"].sample(m["rng"]) if m["rng"]
             else (_ for _ in ()).throw(ValueError("no rng for " + name))"""
_TIMES = 'message["scale"] * size / B'

ANSWERS = (
    StudentAnswer("E9.1", "with permutations", 6, _words(_DRAW_OR_RAISE, _TIMES, _REFUSED)),
    # A joint that would lack a factor, in silence; and the error for a missing rng is Python's own.
    StudentAnswer(
        "E9.1",
        "last site wins",
        5.5,
        _words(_DRAW_OR_RAISE, _TIMES, "pass"),
        "duplicate-overwritten",
    ),
    # Only the inner plate's factor is kept.
    StudentAnswer(
        "E9.1",
        "plates do not multiply",
        5,
        _words(_DRAW_OR_RAISE, "size / B", _REFUSED),
        "nested-plates-forgotten",
    ),
    StudentAnswer(
        "E9.2",
        "a loop and a dict",
        5,
        (
            """\
total = 0.0
for site in trace.values():
    if site["dist"] is not None:
        total = total + site["scale"] * np.sum(site["log_prob"])
return total""",
            """\
values = {n: s["value"] for n, s in trace.items() if not s["observed"]}
def before(m):
    if m["type"] != "param" and m["value"] is None and m["name"] in values:
        m["value"] = values[m["name"]]
def again(*args):
    with Handler(before):
        return fn(*args)
return again""",
        ),
    ),
    StudentAnswer(
        "E9.2",
        "without the scale",
        3,
        (
            """\
samples = [s for s in trace.values() if s["type"] == "sample"]
return sum(np.sum(s["log_prob"]) for s in samples)""",
            """\
def before(m):
    if m["name"] in trace and m["type"] != "param" and not m["observed"]:
        m["value"] = trace[m["name"]]["value"]
def again(*args):
    with Handler(before):
        return fn(*args)
return again""",
        ),
        "scale-ignored",
    ),
    StudentAnswer(
        "E9.2",
        "old data replayed",
        4,
        (
            """\
samples = [s for s in trace.values() if s["type"] == "sample"]
return sum(s["scale"] * np.sum(s["log_prob"]) for s in samples)""",
            """\
def before(m):
    if m["name"] in trace and m["type"] == "sample":
        m["value"] = trace[m["name"]]["value"]
def again(*args):
    with Handler(before):
        return fn(*args)
return again""",
        ),
        "observed-sites-replayed",
    ),
    StudentAnswer(
        "E9.3",
        "by sets",
        4,
        (
            """\
def seen(program):
    t = trace(program, np.random.default_rng(1))(*args)
    return {(n, np.shape(s["value"]), s["observed"])
            for n, s in t.items() if s["type"] == "sample"}
m, g = seen(model), seen(guide)
latent = {s for s in m if not s[2]}
bad = (latent ^ g)
if bad:
    raise ValueError(f"these do not match: {sorted(bad)}")""",
        ),
    ),
    StudentAnswer(
        "E9.3",
        "missing sites only",
        1,
        (
            """\
m = trace(model, np.random.default_rng(1))(*args)
g = trace(guide, np.random.default_rng(1))(*args)
for name, site in m.items():
    if site["type"] == "sample" and not site["observed"] and name not in g:
        raise ValueError("the guide lacks " + name)""",
        ),
        "only-missing-reported",
    ),
    StudentAnswer(
        "E9.4",
        "no Jacobian",
        3,
        (
            """\
class Q:
    def __init__(self, loc, sd, support):
        self.base, self.support = ppl.Normal(loc, sd), support
        self.T = for_support(support)
    def sample(self, rng):
        return self.T.inverse(self.base.sample(rng))
    def log_prob(self, v):
        return self.base.log_prob(self.T.forward(v))
def guide(*args):
    t = trace(model, np.random.default_rng(0))(*args)
    for name, site in t.items():
        if site["type"] != "sample" or site["observed"]:
            continue
        shape = np.shape(site["value"])
        loc = param(name + "_loc", np.zeros(shape))
        sd = param(name + "_sd", 0.1 * np.ones(shape), "positive")
        sample(name, Q(loc, sd, site["dist"].support))
return guide""",
        ),
        "no-jacobian",
    ),
    StudentAnswer(
        "E9.5",
        "plain ascent",
        6,
        (
            """\
if not params:
    r = np.random.default_rng(0)
    g = trace(guide, r)(*args)
    t = {**trace(replay(model, g), r)(*args), **g}
    params = {n: s["init"] for n, s in t.items() if s["type"] == "param"}
def objective(p):
    p = {n: p[n] for n in params}
    g = trace(guide, rng, p)(*args)
    return log_joint(trace(replay(model, g), rng, p)(*args)) - log_joint(g)
start = {n: np.array(v, dtype=float) for n, v in params.items()}
elbo, grads = value_and_grad(objective)(start)
size = np.sqrt(sum(np.sum(g**2) for g in grads.values()))
rate = 0.1 / max(1.0, 0.1 * size)
return {n: v + rate * grads[n] for n, v in start.items()}, None, elbo""",
            """\
m, s = param("m", 0.5), param("s", 0.5, "positive")
a, b = param("a", 2.0, "positive"), param("b", 1.0, "positive")
sample("mu", ppl.Normal(m, s))
sample("gamma", ppl.Gamma(a, a / b))""",
        ),
    ),
    StudentAnswer(
        "E9.5",
        "without log q",
        2.5,
        (
            """\
if not params:
    r = np.random.default_rng(0)
    g = trace(guide, r)(*args)
    t = {**trace(replay(model, g), r)(*args), **g}
    params = {n: s["init"] for n, s in t.items() if s["type"] == "param"}
def objective(p):
    p = {n: p[n] for n in params}
    g = trace(guide, rng, p)(*args)
    return log_joint(trace(replay(model, g), rng, p)(*args))
start = {n: np.array(v, dtype=float) for n, v in params.items()}
elbo, grads = value_and_grad(objective)(start)
flat = np.concatenate([np.ravel(grads[n]) for n in start])
step, opt_state = adam(0.1)(flat, opt_state)
out, k = {}, 0
for n, v in start.items():
    out[n] = v + np.reshape(step[k:k + v.size], v.shape)
    k += v.size
return out, opt_state, elbo""",
            """\
m, s = param("nu_q", 0.0), param("sd_q", 1.0, "positive")
a, b = param("alpha_q", 2.0, "positive"), param("beta_q", 2.0, "positive")
sample("mu", ppl.Normal(m, s))
sample("gamma", ppl.Gamma(a, b))""",
        ),
        "log-q-forgotten",
    ),
)
