"""Write a real table to a CSV file: the breast cancer data set that scikit-learn ships (UCI, 569 rows)."""

import csv
import sys

from sklearn.datasets import load_breast_cancer

data = load_breast_cancer()
with open(sys.argv[1], "w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file)
    writer.writerow([*(name.replace(" ", "_") for name in data.feature_names), "diagnosis"])
    for row, code in zip(data.data, data.target, strict=True):
        writer.writerow([*row, data.target_names[code]])
