// L(y, z) of every example and its derivative dZ[L], from the logits (rows 5 to 7), as in losses/.
//
// A vector holds one output of as many examples as it has lanes: z[k] and y[k] for k = 0 to n-1. So the sums over the
// outputs of an example are plain additions of vectors, and no example sees its neighbours.
#pragma once

#include "quantiles.hpp"

namespace chainrule::CHAINRULE_ISA {

// c v, where 0 times infinity is 0: an infinite logit that agrees with its target costs nothing.
template <class T>
inline Vec<T> times(Vec<T> c, Vec<T> v) {
  return c == Vec<T>{} ? Vec<T>{} : c * v;
}

// (1 - p)^gamma, and p d/dp of -(1 - p)^gamma log p.
template <class T>
inline void focal_weight(Vec<T> p, Vec<T> log_p, T gamma, Vec<T>& weight, Vec<T>& p_dL_dp) {
  const Vec<T> one = all(T(1)), q = one - p;
  weight = pow<T>(q, gamma);
  Vec<T> steepness{};
  if (gamma != 0) steepness = all(gamma) * pow<T>(q > Vec<T>{} ? q : one, gamma - 1) * (p * max<T>(log_p, T(-1e4)));
  p_dL_dp = steepness - weight;
}

template <class T>
inline Term<T> binary_cross_entropy(Vec<T> z, Vec<T> y) {
  const Vec<T> one = all(T(1)), zero{};
  const Vec<T> e = exp_minus<T>(abs<T>(z));
  const Vec<T> value = times<T>((z > zero ? one : zero) - y, z) + log1p<T>(e);
  return {value, (z >= zero ? one : e) / (one + e) - y};
}

template <class T>
inline Term<T> binary_focal(Vec<T> z, Vec<T> y, T gamma) {
  const Vec<T> sign = all(T(2)) * y - all(T(1)), s = sign * z;
  const Vec<T> log_p = min<T>(s, T(0)) - log1p<T>(exp_minus<T>(abs<T>(s)));
  Vec<T> weight, p_dL_dp;
  focal_weight<T>(sigmoid<T>(s), log_p, gamma, weight, p_dL_dp);
  return {-weight * log_p, sign * sigmoid<T>(-s) * p_dL_dp};
}

template <class T>
inline Term<T> hinge(Vec<T> z, Vec<T> y) {
  const Vec<T> s = all(T(2)) * y - all(T(1));
  return {max<T>(all(T(1)) - s * z, T(0)), s * z < all(T(1)) ? -s : Vec<T>{}};
}

template <class T>
inline Term<T> huber(Vec<T> z, Vec<T> y, T delta) {
  const Vec<T> r = abs<T>(z - y), inner = min<T>(r, delta);
  return {inner * (r - inner * all(T(0.5))), max<T>(min<T>(z - y, delta), -delta)};
}

template <class T>
inline Term<T> log_cosh(Vec<T> z, Vec<T> y) {
  const Vec<T> r = abs<T>(z - y);
  const Vec<T> e = exp<T>(max<T>(all(T(-2)) * r, Real<T>::log_smallest));
  return {r + log1p<T>(e) - all(T(0.69314718055994530942)), tanh<T>(z - y)};
}

template <class T>
inline Vec<T> exponential(Vec<T> z) {
  return exp<T>(max<T>(z, Real<T>::log_smallest + 1));
}

template <class T>
inline Vec<T> log_or_zero(Vec<T> y) {
  return log<T>(y > Vec<T>{} ? y : all(T(1)));
}

constexpr double DECIDED = 1e4;  // e^z is infinite long before; a term in z must not be infinite too

template <class T>
inline Term<T> poisson(Vec<T> z, Vec<T> y) {
  const Vec<T> a = exponential<T>(z);
  return {y * (log_or_zero<T>(y) - all(T(1))) - times<T>(y, min<T>(z, T(DECIDED))) + a, a - y};
}

template <class T>
inline Term<T> gamma(Vec<T> z, Vec<T> y) {
  const Vec<T> ratio = y * exponential<T>(-z);
  return {max<T>(z, T(-DECIDED)) - log_or_zero<T>(y) + ratio - all(T(1)), all(T(1)) - ratio};
}

template <class T>
inline Term<T> tweedie(Vec<T> z, Vec<T> y, T power) {
  if (power == 1) return poisson<T>(z, y);
  if (power == 2) return gamma<T>(z, y);
  const T p = 1 - power, q = 2 - power;
  const Vec<T> falling = times<T>(y, exponential<T>(all(p) * z));
  const Vec<T> rising = min<T>(exponential<T>(all(q) * z), Real<T>::largest);
  return {pow<T>(y, q) * all(1 / (p * q)) - falling * all(1 / p) + rising * all(1 / q), rising - falling};
}

// The losses whose outputs stand for themselves; label_smoothing, gamma, ... is `p`.
template <class T>
inline Term<T> term(LossKind kind, Vec<T> z, Vec<T> y, T p) {
  switch (kind) {
    case LossKind::binary_cross_entropy:
      return binary_cross_entropy<T>(z, all(1 - p) * y + all(p / 2));
    case LossKind::binary_focal:
      return binary_focal<T>(z, y, p);
    case LossKind::hinge:
      return hinge<T>(z, y);
    case LossKind::absolute_error:
      return {abs<T>(z - y), (z > y ? all(T(1)) : Vec<T>{}) - (z < y ? all(T(1)) : Vec<T>{})};
    case LossKind::huber:
      return huber<T>(z, y, p);
    case LossKind::log_cosh:
      return log_cosh<T>(z, y);
    case LossKind::quantile:
      return quantile<T>(z, y, p);
    case LossKind::poisson:
      return poisson<T>(z, y);
    case LossKind::gamma:
      return gamma<T>(z, y);
    case LossKind::tweedie:
      return tweedie<T>(z, y, p);
    default:
      return {(z - y) * (z - y) * all(T(0.5)), z - y};  // squared_error
  }
}

// Softmax with cross-entropy, or with its focal version: the outputs of an example are one distribution.
template <class T>
Vec<T> distribution_loss(const Loss& loss, Index n, Vec<T>* z, const Vec<T>* y, Vec<T>* A) {
  const T p = static_cast<T>(*loss.parameters);
  Vec<T> top = z[0], sum{}, total{}, c_sum{};
  for (Index k = 1; k < n; ++k) top = z[k] > top || z[k] != z[k] ? z[k] : top;
  for (Index k = 0; k < n; ++k) {
    z[k] = z[k] == top ? Vec<T>{} : z[k] - top;  // infinity minus itself is 0
    A[k] = exp_minus<T>(-z[k]);
    sum += A[k];
  }
  const Vec<T> log_sum = log<T>(sum);
  for (Index k = 0; k < n; ++k) {
    A[k] /= sum;
    const Vec<T> log_a = z[k] - log_sum;
    if (loss.kind == LossKind::categorical_cross_entropy) {
      const Vec<T> target = all(1 - p) * y[k] + all(p / static_cast<T>(n));
      total += times<T>(-target, log_a);
      A[k] -= target;
    } else {
      Vec<T> weight, p_dL_dp;
      focal_weight<T>(A[k], log_a, p, weight, p_dL_dp);
      total += times<T>(-y[k] * weight, log_a);
      z[k] = y[k] * p_dL_dp;
      c_sum += z[k];
    }
  }
  if (loss.kind == LossKind::categorical_focal) {
    for (Index k = 0; k < n; ++k) A[k] = z[k] - A[k] * c_sum;
  }
  return total;
}

// The losses of LANES examples; dZ[k] becomes the derivative, z is overwritten.
template <class T>
Vec<T> loss_of_lanes(const Loss& loss, Index n, Vec<T>* z, const Vec<T>* y, Vec<T>* dZ) {
  if (loss.kind == LossKind::categorical_cross_entropy || loss.kind == LossKind::categorical_focal) {
    return distribution_loss<T>(loss, n, z, y, dZ);
  }
  if (loss.kind == LossKind::quantiles) return quantiles_loss<T>(loss, n, z, y, dZ);
  const T p = static_cast<T>(*loss.parameters), share = T(1) / static_cast<T>(n);
  Vec<T> total{};
  for (Index k = 0; k < n; ++k) {
    Slope<T> output{z[k], all(T(1))};
    if (loss.output.kind != ActivationKind::identity) {
      with_kind(loss.output.kind,
                [&]<ActivationKind kind>() { output = g<T, kind>(z[k], static_cast<T>(loss.output.parameter)); });
    }
    const Term<T> both = term<T>(loss.kind, output.a, y[k], p);
    total += both.value;
    dZ[k] = both.dZ * output.slope * all(share);
  }
  return total * all(share);
}

}  // namespace chainrule::CHAINRULE_ISA
