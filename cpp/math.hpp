// exp, log and their relatives on vectors, to about three units in the last place.
//
// The ranges are reduced so far that plain Taylor series suffice: e^r - 1 for |r| <= log(2)/2, and
// log((1 + s) / (1 - s)) = 2 (s + s^3/3 + s^5/5 + ...) for |s| <= 3 - 2 sqrt(2) = 0.172, in log(1 + x) up to 1/3.
#pragma once

#include "simd.hpp"

namespace chainrule::CHAINRULE_ISA {

template <class T>
struct Real;

template <>
struct Real<float> {
  static constexpr int mantissa = 23, bias = 127, exp_terms = 8, log_terms = 4, log1p_terms = 6;
  static constexpr float magic = 0x1.8p23f;  // added to a number, it leaves its integer part in the lowest bits
  static constexpr float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
  static constexpr float overflow = 90, underflow = -103, smallest = 0x1p-126f, largest = 0x1.fffffep127f;
  static constexpr float log_smallest = -87.33654475f, saturated = 10;
};

template <>
struct Real<double> {
  static constexpr int mantissa = 52, bias = 1023, exp_terms = 13, log_terms = 10, log1p_terms = 16;
  static constexpr double magic = 0x1.8p52;
  static constexpr double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
  static constexpr double overflow = 720, underflow = -740, smallest = 0x1p-1022, largest = 0x1.fffffffffffffp1023;
  static constexpr double log_smallest = -708.3964185322641, saturated = 20;
};

constexpr double factorial(int k) {
  return k > 1 ? k * factorial(k - 1) : 1;
}

// x = n log 2 + r; returns e^r - 1 and leaves n, as an integer in each lane.
template <class T>
inline Vec<T> expm1_reduced(Vec<T> x, Mask<T>& n) {
  using R = Real<T>;
  const Vec<T> shifted = x * all(T(1.4426950408889634)) + all(R::magic);
  n = bits<T>(shifted) - bits<T>(all(R::magic));
  const Vec<T> whole = shifted - all(R::magic);
  const Vec<T> r = (x - whole * all(R::ln2_high)) - whole * all(R::ln2_low);
  Vec<T> series{};
#pragma GCC unroll 16
  for (int k = R::exp_terms; k >= 1; --k) series = series * r + all(T(1 / factorial(k)));
  return r * series;
}

// 2^n for n in the normal range.
template <class T>
inline Vec<T> power_of_two(Mask<T> n) {
  return from_bits<T>((n + Real<T>::bias) << Real<T>::mantissa);
}

template <class T>
inline Vec<T> exp(Vec<T> x) {
  Mask<T> n;
  const Vec<T> q = expm1_reduced<T>(max<T>(min<T>(x, Real<T>::overflow), Real<T>::underflow), n);
  const Mask<T> half = n >> 1;  // in two steps, since 2^n alone may overflow
  return (all(T(1)) + q) * power_of_two<T>(half) * power_of_two<T>(n - half);
}

// e^x - 1 for x <= 0.
template <class T>
inline Vec<T> expm1(Vec<T> x) {
  Mask<T> n;
  const Vec<T> q = expm1_reduced<T>(max<T>(x, T(-80)), n);
  const Vec<T> scale = power_of_two<T>(n);
  return scale * q + (scale - all(T(1)));
}

// log((1 + s) / (1 - s)) - 2 s, by the terms s^3/3 to s^(2 terms + 1) / (2 terms + 1).
template <class T, int terms>
inline Vec<T> log_tail(Vec<T> s) {
  const Vec<T> s2 = s * s;
  Vec<T> series{};
#pragma GCC unroll 16
  for (int k = terms; k >= 1; --k) series = series * s2 + all(T(1) / T(2 * k + 1));
  return s * s2 * series * all(T(2));
}

// log x for normal x > 0.
template <class T>
inline Vec<T> log(Vec<T> x) {
  using R = Real<T>;
  const Mask<T> half_root = bits<T>(all(T(0.70710678118654752)));
  const Mask<T> one = bits<T>(all(T(1)));
  const Mask<T> shifted = bits<T>(x) - half_root;
  const Mask<T> mantissa_bits = ((Mask<T>{} + 1) << R::mantissa) - 1;
  const Vec<T> m = from_bits<T>((shifted & mantissa_bits) + half_root);  // x = 2^e m, sqrt(1/2) <= m < sqrt(2)
  const Mask<T> biased = ((shifted + one) & ~mantissa_bits) >> R::mantissa;
  const Vec<T> e = from_bits<T>(biased | bits<T>(all(R::magic))) - all(R::magic + R::bias);
  const Vec<T> s = (m - all(T(1))) / (m + all(T(1)));
  return e * all(R::ln2_high) + (all(T(2)) * s + (log_tail<T, R::log_terms>(s) + e * all(R::ln2_low)));
}

// log(1 + x) for 0 <= x <= 1.
template <class T>
inline Vec<T> log1p(Vec<T> x) {
  const Vec<T> s = x / (all(T(2)) + x);
  return all(T(2)) * s + log_tail<T, Real<T>::log1p_terms>(s);
}

template <class T>
inline Vec<T> tanh(Vec<T> x) {
  const Vec<T> e = expm1<T>(all(T(-2)) * min<T>(abs<T>(x), Real<T>::saturated));
  return copy_sign<T>(-e / (all(T(2)) + e), x);
}

// e^-x for x >= 0, held at the smallest normal number where it would underflow.
template <class T>
inline Vec<T> exp_minus(Vec<T> x) {
  Mask<T> n;
  const Vec<T> q = expm1_reduced<T>(-min<T>(x, -Real<T>::log_smallest - 1), n);
  return (all(T(1)) + q) * power_of_two<T>(n);
}

template <class T>
inline Vec<T> sigmoid(Vec<T> z) {
  const Vec<T> e = exp_minus<T>(abs<T>(z));
  return (z >= all(T(0)) ? all(T(1)) : e) / (all(T(1)) + e);
}

// The normal distribution function, by the C library's complementary error function.
template <class T>
inline Vec<T> normal_cdf(Vec<T> z) {
  const T lowest = sizeof(T) == 4 ? T(-12.2) : T(-36.6);  // below, the result underflows
  z = max<T>(z, lowest) * all(T(-0.70710678118654752));
  for (Index lane = 0; lane < LANES<T>; ++lane) {
    z[lane] = sizeof(T) == 4 ? T(__builtin_erfcf(float(z[lane]))) : T(__builtin_erfc(double(z[lane])));
  }
  return z * all(T(0.5));
}

template <class T>
inline Vec<T> pow(Vec<T> base, T exponent) {
  for (Index lane = 0; lane < LANES<T>; ++lane) base[lane] = T(__builtin_pow(double(base[lane]), double(exponent)));
  return base;
}

}  // namespace chainrule::CHAINRULE_ISA
