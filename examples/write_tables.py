"""Write two real tables: the handwritten digits that scikit-learn ships (UCI, 1,797 rows), most of them and the rest.

python examples/write_tables.py digits.csv new-digits.csv
"""

import csv
import sys
from pathlib import Path

from sklearn.datasets import load_digits

NEW = 297  # rows kept back, as if they came in after the training

data = load_digits()
parts = (slice(None, -NEW), slice(-NEW, None))
for path, rows in zip(sys.argv[1:], parts, strict=True):
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*data.feature_names, "digit"])
        for pixels, digit in zip(data.data[rows].astype(int), data.target[rows], strict=True):
            writer.writerow([*pixels, digit])
