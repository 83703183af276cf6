"""Writes evaluate/classification/testdata/classification.json.gz: what scikit-learn makes
of classes, sets of classes, scores and probabilities, degenerate cases included.

    python tools/parity/sklearn_classification.py
"""
import gzip
import json
import math
import os
import warnings

import numpy as np
from sklearn import metrics as m
from sklearn.calibration import calibration_curve

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "..", "..", "evaluate", "classification", "testdata")
ZERO = {"warn": "warn", "0": 0, "1": 1, "nan": np.nan}


def plain(v):
    """JSON without NaN: null stands for it, and text for infinities."""
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    if isinstance(v, (list, tuple, np.ndarray)):
        return [plain(x) for x in v]
    if isinstance(v, np.integer):
        return int(v)
    if isinstance(v, (float, np.floating)):
        if math.isnan(v):
            return None
        return str(float(v)) if math.isinf(v) else float(v)
    return v


def prf(true, pred, averages, betas, **kw):
    out = []
    for average in averages:
        for beta in betas:
            for name, zero in ZERO.items():
                p, r, f, _ = m.precision_recall_fscore_support(true, pred, average=None if average == "none" else average, beta=beta, zero_division=zero, **kw)
                out.append({"average": average, "beta": beta, "zero": name, "p": p, "r": r, "f": f})
    return out


def classes_case(true, pred, k, rng):
    labels = list(range(k))
    betas = [1.0, float(rng.choice([0.0, 0.5, 2.0, 0.3, np.inf]))]
    kw = {"labels": labels}
    case = {"k": k, "true": true, "pred": pred, "confusion": m.confusion_matrix(true, pred, **kw),
            "accuracy": m.accuracy_score(true, pred), "balanced": m.balanced_accuracy_score(true, pred), "mcc": m.matthews_corrcoef(true, pred)}
    for over in ("true", "pred", "all"):
        case["over_" + over] = m.confusion_matrix(true, pred, normalize=over, **kw)
    for w in (None, "linear", "quadratic"):
        case["kappa_" + str(w).lower()] = m.cohen_kappa_score(true, pred, weights=w, **kw)
    case["prf"] = prf(true, pred, ["none", "micro", "macro", "weighted"], betas, **kw)
    if k == 2:
        for b in betas:
            for name, zero in ZERO.items():
                p, r, f, _ = m.precision_recall_fscore_support(true, pred, average="binary", pos_label=1, beta=b, zero_division=zero) if set(true) | set(pred) != {0} else (
                    *m.precision_recall_fscore_support(true, pred, labels=[1], average="macro", beta=b, zero_division=zero),)
                case["prf"].append({"average": "binary", "beta": b, "zero": name, "p": p, "r": r, "f": f})
    return case


def sets_case(true, pred, rng):
    betas = [1.0, float(rng.choice([0.0, 0.5, 2.0, np.inf]))]
    case = {"k": true.shape[1], "true": true, "pred": pred, "accuracy": m.accuracy_score(true, pred), "hamming": m.hamming_loss(true, pred),
            "confusion": m.multilabel_confusion_matrix(true, pred)}
    case["prf"] = prf(true, pred, ["none", "micro", "macro", "weighted", "samples"], betas)
    return case


def binary_case(true, score):
    fpr, tpr, thr = m.roc_curve(true, score, pos_label=1)
    p, r, t = m.precision_recall_curve(true, score, pos_label=1)
    case = {"true": true, "score": score, "auc": m.roc_auc_score(true, score), "roc": [fpr, tpr, thr], "pr": [p, r, t],
            "ap": m.average_precision_score(true, score, pos_label=1), "prauc": m.auc(r, p)}
    if min(score) >= 0 and max(score) <= 1:
        case["brier"] = m.brier_score_loss(true, score, pos_label=1)
        case["logloss"] = m.log_loss(true, score, labels=[0, 1])
        case["calibration"] = []
        for bins in (3, 5, 10):
            for how in ("uniform", "quantile"):
                t, p = calibration_curve(true, score, pos_label=1, n_bins=bins, strategy=how)
                case["calibration"].append({"bins": bins, "how": how, "observed": t, "predicted": p})
    return case


def multi_case(true, rows, k):
    case = {"k": k, "true": true, "rows": rows, "brier": m.brier_score_loss(true, rows, labels=list(range(k))), "logloss": m.log_loss(true, rows, labels=list(range(k)))}
    for how, average in [("ovr", "macro"), ("ovr", "weighted"), ("ovr", "micro"), ("ovo", "macro"), ("ovo", "weighted")]:
        try:
            case[how + "_" + average] = m.roc_auc_score(true, np.asarray(rows), multi_class=how, average=average, labels=list(range(k)))
        except ZeroDivisionError:  # one class only: no pair, no weights
            case[how + "_" + average] = np.nan
    if len(set(true)) == k:
        for average in ("macro", "weighted", "micro"):
            case["ap_" + average] = m.average_precision_score(true, np.asarray(rows), average=average)
    return case


def multilabel_scores_case(true, rows):
    case = {"k": true.shape[1], "true": true, "rows": rows}
    for average in ("macro", "weighted", "micro", "samples"):
        case["auc_" + average] = m.roc_auc_score(true, rows, average=average)
        case["ap_" + average] = m.average_precision_score(true, np.asarray(rows), average=average)
    return case


def main():
    rng = np.random.default_rng(20240611)
    out = {"classes": [], "sets": [], "binary": [], "multi": [], "multilabel": []}
    # By hand: one class, never predicted, never true, all wrong, absent labels.
    for true, pred, k in [([0], [0], 1), ([0], [0], 2), ([1], [1], 2), ([0], [1], 2), ([1, 1, 1], [0, 0, 0], 2), ([0, 0, 1], [0, 0, 0], 2), ([0, 0, 0], [0, 1, 1], 2), ([0, 1, 2], [1, 2, 0], 3),
                          ([0, 1, 2], [0, 1, 2], 5), ([3, 3, 3], [3, 3, 3], 4), ([0, 2, 2, 0], [0, 1, 1, 0], 4), ([1, 1], [2, 2], 3)]:
        out["classes"].append(classes_case(true, pred, k, rng))
    for i in range(110):
        k, n = int(rng.integers(2, 7)), int(rng.integers(1, 50))
        if i % 3 == 0:
            k = 2
        true = rng.integers(0, k, n)
        pred = np.where(rng.random(n) < rng.random(), true, rng.integers(0, k, n))
        out["classes"].append(classes_case(true.tolist(), pred.tolist(), k, rng))
    for i in range(80):
        k, n, d = int(rng.integers(2, 7)), int(rng.integers(1, 25)), rng.random()
        true = (rng.random((n, k)) < d).astype(int)
        pred = np.where(rng.random((n, k)) < .7, true, (rng.random((n, k)) < d).astype(int))
        if i % 9 == 0:
            true[:] = 0
        if i % 10 == 0:
            pred[:] = 0
        if i % 7 == 0:
            true[:, 0] = 0
        out["sets"].append(sets_case(true, pred, rng))
    for true, score in [([1], [.5]), ([0], [.5]), ([0, 1], [.5, .5]), ([1, 0], [0., 1.]), ([0, 1], [0., 1.]), ([1, 1, 1], [.2, .4, .9]), ([0, 0], [.3, .1]), ([0, 1, 1, 0], [1., 1., 1., 1.])]:
        out["binary"].append(binary_case(true, score))
    for i in range(120):
        n = int(rng.integers(2, 60)) if i % 20 else 250
        true = (rng.random(n) < rng.random()).astype(int)
        score = np.clip(.5 + rng.normal(0, .2, n) + (true - .5) * rng.random(), 0, 1)
        score = np.round(score, int(rng.choice([1, 2, 6])))
        if i % 6 == 0:
            score = np.round(rng.normal(true, 1), 1)
        if i % 17 == 0:
            score = true.astype(float)
        out["binary"].append(binary_case(true.tolist(), score.tolist()))
    for i in range(80):
        k, n = int(rng.integers(3, 6)), int(rng.integers(2, 40))
        true = rng.integers(0, k, n)
        if i % 3 == 0:
            true = np.minimum(true, k - 2)  # the last class does not occur
        if i % 25 == 0:
            true[:] = 1
        rows = rng.random((n, k)) ** 2 + (np.eye(k)[true] * rng.random())
        rows = rows / rows.sum(axis=1, keepdims=True)
        if i % 2:  # many ties
            rows = np.maximum(np.round(rows * 4), 0) + .25
            rows = rows / rows.sum(axis=1, keepdims=True)
        if i % 11 == 0:
            rows = np.eye(k)[rng.integers(0, k, n)]
        out["multi"].append(multi_case(true.tolist(), rows.tolist(), k))
    for i in range(40):
        k, n = int(rng.integers(2, 6)), int(rng.integers(2, 25))
        true = (rng.random((n, k)) < rng.random()).astype(int)
        true[0, 0] = 1  # without any label scikit-learn's weighted mean is 0 by convention
        rows = np.round(rng.random((n, k)) * .7 + true * .3 * rng.random(), int(rng.choice([1, 4])))
        out["multilabel"].append(multilabel_scores_case(true, rows))
    os.makedirs(OUT, exist_ok=True)
    with gzip.GzipFile(os.path.join(OUT, "classification.json.gz"), "wb", mtime=0) as f:
        f.write(json.dumps(plain(out), separators=(",", ":")).encode())
    print({k: len(v) for k, v in out.items()})


if __name__ == "__main__":
    main()
