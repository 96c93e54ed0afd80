"""For teachers: wrong gradients to find, worksheets to calculate by hand, and their grading.

>>> from chainrule import lab
>>> sheet = lab.worksheet(seed=7)
>>> print(lab.grade(sheet, {"Z[1]": sheet.answers["Z[1]"]}).score)
4
"""

from chainrule.lab.grade import Grade, grade
from chainrule.lab.marking import GradeRow
from chainrule.lab.variants import VARIANTS, Answer, Mystery, mystery, variants, wrong_gradients
from chainrule.lab.worksheet import Worksheet, worksheet

__all__ = [
    "VARIANTS",
    "Answer",
    "Grade",
    "GradeRow",
    "Mystery",
    "Worksheet",
    "grade",
    "mystery",
    "variants",
    "worksheet",
    "wrong_gradients",
]
