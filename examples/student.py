"""What a student might hand in: `chainrule check examples/student.py` says which derivative is wrong, and where."""

import math


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


def tanh(z):
    return math.tanh(z)


def tanh_prime(a):  # of a = tanh(z), as many programs have it
    return 1 - a**2


def relu(z):
    return z if z > 0 else 0


def relu_prime(z):  # as a much copied table prints it
    return z if z > 0 else 0
