// A[l] = g(Z[l]): each activation with its derivative beside it, both from Z (rows 4 and 9), as in activations.py.
//
// The forward pass stores g'(Z) together with g(Z), since most pairs share their costly part.
#pragma once

#include "engine.hpp"
#include "math.hpp"

namespace chainrule::CHAINRULE_ISA {

template <class T>
struct Slope {
  Vec<T> a, slope;  // g(z), g'(z)
};

template <class T>
inline Slope<T> elu(Vec<T> z, T alpha, T scale) {
  const Vec<T> e = expm1<T>(min<T>(z, T(0)));
  const auto positive = z > all(T(0));
  const Vec<T> slope = all(alpha) * exp_minus<T>(max<T>(-z, T(0)));
  return {all(scale) * (positive ? z : all(alpha) * e), all(scale) * (positive ? all(T(1)) : slope)};
}

// g and g' at z; `p` is the activation's one parameter, if it has one.
template <class T, ActivationKind kind>
inline Slope<T> g(Vec<T> z, [[maybe_unused]] T p) {
  const Vec<T> zero{}, one = all(T(1));
  if constexpr (kind == ActivationKind::identity) {
    return {z, one};
  } else if constexpr (kind == ActivationKind::sigmoid) {
    const Vec<T> e = exp_minus<T>(abs<T>(z));
    const Vec<T> whole = one / (one + e), rest = e * whole;
    const auto positive = z >= zero;
    return {positive ? whole : rest, whole * rest};
  } else if constexpr (kind == ActivationKind::tanh) {
    const Vec<T> a = tanh<T>(z);
    return {a, (one - a) * (one + a)};
  } else if constexpr (kind == ActivationKind::relu) {
    return {max<T>(z, T(0)), z > zero ? one : zero};
  } else if constexpr (kind == ActivationKind::leaky_relu) {
    const auto positive = z > zero;
    return {positive ? z : all(p) * z, positive ? one : all(p)};
  } else if constexpr (kind == ActivationKind::elu) {
    return elu<T>(z, p, T(1));
  } else if constexpr (kind == ActivationKind::selu) {
    return elu<T>(z, T(1.6732632423543772848170429916717), T(1.0507009873554804934193349852946));
  } else if constexpr (kind == ActivationKind::gelu) {
    const Vec<T> cdf = normal_cdf<T>(z), size = max<T>(abs<T>(z), T(1e-15));
    const Vec<T> density = exp_minus<T>(size * size * all(T(0.5))) * all(T(0.39894228040143267794));
    return {z * cdf, cdf + z * density};
  } else if constexpr (kind == ActivationKind::silu) {
    const Vec<T> s = sigmoid<T>(z);
    return {z * s, s * (one + z * sigmoid<T>(-z))};
  } else if constexpr (kind == ActivationKind::softplus) {
    return {max<T>(z, T(0)) + log1p<T>(exp_minus<T>(abs<T>(z))), sigmoid<T>(z)};
  } else if constexpr (kind == ActivationKind::mish) {
    const Vec<T> t = tanh<T>(max<T>(z, T(0)) + log1p<T>(exp_minus<T>(abs<T>(z))));
    return {z * t, t + z * sigmoid<T>(z) * ((one - t) * (one + t))};
  } else if constexpr (kind == ActivationKind::hard_tanh) {
    return {max<T>(min<T>(z, T(1)), T(-1)), abs<T>(z) < one ? one : zero};
  } else {
    static_assert(kind == ActivationKind::exponential);
    const Vec<T> a = exp<T>(max<T>(z, Real<T>::log_smallest + 1));
    return {a, a};
  }
}

// Whether g'(Z) can be read off A, so that it need not be stored: relu's slope is 1 where its value is above 0, and
// what dropout makes of the value it makes of the slope.
inline bool slope_from_value(const Activation& activation) {
  return activation.kind == ActivationKind::relu;
}

// Where a row of A ends: lanes of units, then the constant 1 that multiplies the bias, then zeros.
template <class T>
struct RowEnd {
  Mask<T> units;  // of the last vector
  Vec<T> one;

  explicit RowEnd(Index n) {
    const Vec<T> lanes = lane_numbers<T>(), end = all(static_cast<T>(n % LANES<T>));
    units = n % LANES<T> == 0 ? lanes >= lanes : lanes < end;
    one = n % LANES<T> == 0 ? Vec<T>{} : (lanes == end ? all(T(1)) : Vec<T>{});
  }
};

// A := g(Z), slope := g'(Z) over rows of n units; A holds Z on entry. Lanes beyond the units become 1, 0, 0, ...
template <class T, ActivationKind kind>
void activate_rows(Index rows, Index n, Index stride, T p, T* A, T* slope) {
  const Index last = round_up(n, LANES<T>) - LANES<T>;
  const RowEnd<T> end(n);
  for (Index r = 0; r < rows; ++r, A += stride, slope += slope ? stride : 0) {
    for (Index i = 0; i < last; i += LANES<T>) {
      const Slope<T> both = g<T, kind>(load(A + i), p);
      store(A + i, both.a);
      if (slope) store(slope + i, both.slope);
    }
    const Slope<T> both = g<T, kind>(load(A + last), p);
    store(A + last, end.units ? both.a : end.one);
    if (slope) store(slope + last, end.units ? both.slope : Vec<T>{});
  }
}

// Calls f with the kind as a template argument: the one list of all activations.
template <class F>
inline void with_kind(ActivationKind kind, F&& f) {
  switch (kind) {
#define CHAINRULE_CASE(name) \
  case ActivationKind::name: \
    return f.template operator()<ActivationKind::name>();
    CHAINRULE_ACTIVATIONS(CHAINRULE_CASE)
#undef CHAINRULE_CASE
  }
}

template <class T>
void activate(const Activation& activation, Index rows, Index n, Index stride, T* A, T* slope) {
  with_kind(activation.kind, [&]<ActivationKind kind>() {
    activate_rows<T, kind>(rows, n, stride, static_cast<T>(activation.parameter), A, slope);
  });
}

}  // namespace chainrule::CHAINRULE_ISA
