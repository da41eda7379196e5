#!/usr/bin/env python3
# Makes compare.json: TF-IDF weights, a k-means objective and principal components as scikit-learn has them.
# Run: python3 make_compare.py   (scikit-learn 1.x and numpy; writes beside itself)
import json
import os

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer

SIDES = [
    ["The river runs. The RIVER ran, and the mill's wheel turned 12 times.", "Ein Fluß, ÄRGER und Änderung: x_1 = 2",
     "", "def f(x):\n    return x + 1\n\ndef g(x):\n    return f(x)\n"],
    ["Η θάλασσα και ο ουρανός, Η ΘΆΛΑΣΣΑ", "the mill stands; the river runs on", "река и мост, РЕКА", "1 2 3 1 2 3"],
]


def tfidf():
    vectorizer = TfidfVectorizer(token_pattern=r"[^\W_]+", norm=None, smooth_idf=True)
    rows = vectorizer.fit_transform(SIDES[0] + SIDES[1]).toarray()
    n = len(SIDES[0])
    words = vectorizer.get_feature_names_out()
    return {word: [float(rows[:n, i].sum()), float(rows[n:, i].sum())] for i, word in enumerate(words)}


def points(random):
    middles = random.normal(scale=3, size=(4, 6))
    values = np.concatenate([middle + random.normal(size=(15, 6)) for middle in middles])
    return np.round(values, 3).astype(np.float32)


def main():
    random = np.random.default_rng(8)
    values = points(random)
    start = values[[0, 1, 2, 20, 40]]
    kmeans = KMeans(n_clusters=5, init=start, n_init=1, algorithm="lloyd", tol=0, max_iter=300).fit(values.astype(np.float64))
    pca = PCA(n_components=2, svd_solver="full")
    places = pca.fit_transform(values.astype(np.float64))
    out = {
        "scikit-learn": sklearn.__version__,
        "sides": SIDES,
        "tfidf": tfidf(),
        "points": values.astype(float).tolist(),
        "start": [0, 1, 2, 20, 40],
        "objective": float(kmeans.inertia_),
        "labels": kmeans.labels_.tolist(),
        "places": places.tolist(),
        "explained": pca.explained_variance_ratio_.tolist(),
    }
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "compare.json"), "w", encoding="utf-8") as file:
        json.dump(out, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


main()
