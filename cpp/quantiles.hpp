// The pinball loss, for one quantile and for several at once that never cross, as in losses/quantiles.py.
#pragma once

#include "activations.hpp"

namespace chainrule::CHAINRULE_ISA {

// The loss of one output, and its derivative.
template <class T>
struct Term {
  Vec<T> value, dZ;
};

template <class T>
inline Term<T> quantile(Vec<T> z, Vec<T> y, T q) {
  const Vec<T> r = z - y, zero{}, over = all(T(1) - q) * r, under = all(-q) * r;
  return {under > over ? under : over, r > zero ? all(T(1) - q) : (r < zero ? all(-q) : zero)};
}

// The pinball loss of every output for its own quantile, where the outputs are ascending: a[c] = z[c] in the middle,
// and from there each is a softplus of its z away from the one before.
template <class T>
Vec<T> quantiles_loss(const Loss& loss, Index n, Vec<T>* z, const Vec<T>* y, Vec<T>* dZ) {
  const Index c = (n - 1) / 2;
  const Vec<T> share = all(T(1) / static_cast<T>(n));
  Vec<T>*A = dZ, *dA = dZ, *slope = z, total{};
  for (Index k = 0; k < n; ++k) {
    const Slope<T> gap = g<T, ActivationKind::softplus>(z[k], T(0));
    A[k] = k == c ? z[k] : gap.a;
    slope[k] = k == c ? all(T(1)) : gap.slope;
  }
  for (Index k = c + 1; k < n; ++k) A[k] = A[k - 1] + A[k];
  for (Index k = c - 1; k >= 0; --k) A[k] = A[k + 1] - A[k];
  for (Index k = 0; k < n; ++k) {
    const Term<T> both = quantile<T>(A[k], y[k], static_cast<T>(loss.parameters[k]));
    total += both.value;
    dA[k] = both.dZ;
  }
  // z[k] moves a[k] and what lies beyond it, and z[c] everything: sums from both ends towards the middle.
  for (Index k = n - 2; k >= c; --k) dA[k] += dA[k + 1];
  for (Index k = 1; k <= c; ++k) dA[k] += dA[k - 1];
  for (Index k = 0; k < n; ++k) dZ[k] = (k < c ? -dA[k] : dA[k]) * slope[k] * share;
  return total * share;
}

}  // namespace chainrule::CHAINRULE_ISA
