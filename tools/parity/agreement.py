"""Writes evaluate/agreement/testdata/agreement.json: what the reference
implementations make of seeded ratings, comparisons and lists.

    python tools/parity/agreement.py

Krippendorff's alpha comes from krippendorff, kappa from scikit-learn, Bradley-Terry
from choix (wins without ties) and from scipy's optimiser (ties as a half, length as a
covariate), correlations from scipy.
"""
import json
import math
import os
import warnings

import choix
import krippendorff
import numpy as np
from scipy.optimize import minimize
from scipy.stats import kendalltau, spearmanr
from sklearn.metrics import cohen_kappa_score

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "..", "..", "evaluate", "agreement", "testdata", "agreement.json")
SCALES = ["nominal", "ordinal", "interval"]


def alphas(rng):
    cases = []
    # The worked example of Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", table C.
    example = ["1 2 3 3 2 1 4 1 2 * * *".split(), "1 2 3 3 2 2 4 1 2 5 * 3".split(),
               "* 3 3 3 2 3 4 2 2 5 1 *".split(), "1 2 3 3 2 4 4 1 2 5 1 *".split()]
    grids = [np.array([[math.nan if v == "*" else float(v) for v in row] for row in example])]
    for units, raters, values, missing in [(30, 2, 4, 0), (40, 3, 4, .4), (25, 5, 5, .6), (60, 2, 3, .2), (12, 4, 2, .3)]:
        truth = rng.integers(0, values, units)
        grid = np.where(rng.random((raters, units)) < .6, truth, rng.integers(0, values, (raters, units))).astype(float)
        grid[rng.random(grid.shape) < missing] = math.nan
        grids.append(grid)
    odd = grids[-1].copy() * 2.5 - 1  # values that are no whole numbers
    grids.append(odd)
    for grid in grids:
        units = [[None if math.isnan(v) else v for v in column] for column in grid.T.tolist()]
        cases.append({"units": units, **{s: krippendorff.alpha(reliability_data=grid, level_of_measurement=s) for s in SCALES}})
    return cases


def kappas(rng):
    cases = []
    for n, values, skip in [(20, 2, 0), (50, 4, 0), (50, 5, 0), (80, 5, 1), (9, 3, 0)]:
        a = rng.integers(0, values, n)
        b = np.where(rng.random(n) < .5, a, rng.integers(0, values, n))
        labels = list(range(values + skip))  # the last label is never given where skip is 1
        cases.append({"a": a.tolist(), "b": b.tolist(), "labels": labels,
                      **{w or "none": cohen_kappa_score(a, b, labels=labels, weights=w) for w in (None, "linear", "quadratic")}})
    return cases


def likelihood(x, n, comparisons, controlled):
    theta, beta = x[:n], x[n] if controlled else 0.0
    total = 0.0
    for a, b, score, covariate in comparisons:
        eta = theta[a] - theta[b] + beta * covariate
        total += score * np.logaddexp(0, -eta) + (1 - score) * np.logaddexp(0, eta)
    return total + .5 * theta.sum() ** 2  # fixes the mean at 0 without moving the maximum


def gradient(x, n, comparisons, controlled):
    theta, beta = x[:n], x[n] if controlled else 0.0
    g = np.zeros_like(x)
    for a, b, score, covariate in comparisons:
        r = 1 / (1 + math.exp(-(theta[a] - theta[b] + beta * covariate))) - score
        g[a] += r
        g[b] -= r
        if controlled:
            g[n] += r * covariate
    g[:n] += theta.sum()
    return g


def optimum(n, comparisons, controlled):
    r = minimize(likelihood, np.zeros(n + controlled), args=(n, comparisons, controlled), jac=gradient, method="BFGS", options={"gtol": 1e-12, "maxiter": 10000})
    return r.x.tolist()


def comparisons(rng, n, count, ties):
    truth = rng.normal(0, 1, n)
    out = []
    for _ in range(count):
        a, b = rng.choice(n, 2, replace=False)
        covariate = float(np.round(rng.normal(0, .3), 6))
        p = 1 / (1 + math.exp(-(truth[a] - truth[b] + 1.5 * covariate)))
        score = .5 if rng.random() < ties else float(rng.random() < p)
        out.append([int(a), int(b), score, covariate])
    return out


def strengths(rng):
    cases = []
    for n, count, ties in [(2, 30, 0), (2, 40, .3), (3, 80, .2), (5, 200, .25), (7, 400, 0)]:
        c = comparisons(rng, n, count, ties)
        case = {"n": n, "comparisons": c, "optimum": optimum(n, c, False), "controlled": optimum(n, c, True)}
        if ties == 0:
            wins = [(a, b) if s == 1 else (b, a) for a, b, s, _ in c]
            logs = choix.mm_pairwise(n, wins, tol=1e-13, max_iter=100000)
            case["choix"] = (logs - logs.mean()).tolist()
        cases.append(case)
    return cases


def correlations(rng):
    cases = []
    for n, rounded in [(10, 9), (50, 1), (200, 0), (33, 0), (3, 2)]:
        x = np.round(rng.normal(0, 1, n), rounded)
        y = np.round(.5 * x + rng.normal(0, 1, n), rounded)
        cases.append({"x": x.tolist(), "y": y.tolist(), "tau": kendalltau(x, y).statistic, "rho": spearmanr(x, y).statistic})
    return cases


def main():
    warnings.simplefilter("error", RuntimeWarning)
    rng = np.random.default_rng(12345)
    out = {"alpha": alphas(rng), "kappa": kappas(rng), "strength": strengths(rng), "correlation": correlations(rng)}
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    with open(OUT, "w") as f:
        json.dump(out, f, separators=(",", ":"))
        f.write("\n")
    print(os.path.getsize(OUT), "bytes; Krippendorff's example:", {s: round(out["alpha"][0][s], 3) for s in SCALES})


if __name__ == "__main__":
    main()
