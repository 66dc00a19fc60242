"""Weights that gradbench train saved, used by NumPy, and those that NumPy writes, loaded again."""

import re
import subprocess
import sys

import numpy as np

from compare import idx

program, folder = sys.argv[1:]


def train(*options):
    command = [program, "train", "--layers", "784,16,10", "--isa", "ref", "--threads", "1", "--epochs", "1", *options]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r" ([0-9.]+) %", said)[1]), re.search(r"^ref.* ([0-9a-f]{64})$", said, re.M)[1]


accuracy, digest = train("--save", "weights.npz")
p = dict(np.load("weights.npz"))
assert {k: (v.shape, v.dtype.str) for k, v in p.items()} == {
    "w1": ((784, 16), "<f4"), "b1": ((16,), "<f4"), "w2": ((16, 10), "<f4"), "b2": ((10,), "<f4")}
images = idx(f"{folder}/t10k-images-idx3-ubyte.gz").reshape(-1, 784)[4::5] / 255
labels = idx(f"{folder}/t10k-labels-idx1-ubyte.gz")[4::5]
logits = np.maximum(images @ p["w1"] + p["b1"], 0) @ p["w2"] + p["b2"]
mine = 100 * np.mean(logits.argmax(axis=1) == labels)
assert abs(mine - accuracy) < 0.11, (mine, accuracy)  # two of 2,000, should logits be equal to the last bit
for save in np.savez, np.savez_compressed:
    save("numpy.npz", **p)
    assert train("--load", "numpy.npz", "--lr", "0")[1] == digest
print(f"weights by .npz: {accuracy} % by gradbench, {mine:.2f} % by NumPy, and back with the same hash")
