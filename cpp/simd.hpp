// One vector of T, by the compiler's vector extensions: the same source for AVX-512, AVX2, SSE2 and NEON.
//
// Everything that depends on the instruction set lives in a namespace named after it, so that one program can hold
// all of them and choose at run time (dispatch.cpp). Such code must not instantiate templates of the standard
// library: the linker would keep one copy for all, perhaps the one this machine cannot run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#if defined(__AVX512F__)
#define CHAINRULE_ISA avx512
#define CHAINRULE_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define CHAINRULE_ISA avx2
#define CHAINRULE_VECTOR_BYTES 32
#elif defined(__ARM_NEON)
#define CHAINRULE_ISA neon
#define CHAINRULE_VECTOR_BYTES 16
#else
#define CHAINRULE_ISA baseline
#define CHAINRULE_VECTOR_BYTES 16
#endif

namespace chainrule::CHAINRULE_ISA {

using Index = std::int64_t;

constexpr Index round_up(Index n, Index multiple) {
  return (n + multiple - 1) / multiple * multiple;
}
inline Index smaller(Index a, Index b) {
  return a < b ? a : b;
}
inline Index larger(Index a, Index b) {
  return a > b ? a : b;
}

template <class T>
struct Traits {
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  typedef T Vector __attribute__((vector_size(CHAINRULE_VECTOR_BYTES)));
  typedef Integer Integers __attribute__((vector_size(CHAINRULE_VECTOR_BYTES)));
  typedef T Unaligned __attribute__((vector_size(CHAINRULE_VECTOR_BYTES), aligned(alignof(T)), may_alias));
};

template <class T>
using Vec = typename Traits<T>::Vector;  // of T; comparisons yield Mask<T>, and `mask ? a : b` chooses by lane
template <class T>
using Mask = typename Traits<T>::Integers;

template <class T>
constexpr Index LANES = CHAINRULE_VECTOR_BYTES / static_cast<Index>(sizeof(T));

template <class T>
inline Vec<T> load(const T* from) {
  return *reinterpret_cast<const typename Traits<T>::Unaligned*>(from);
}

template <class T>
inline void store(T* to, Vec<T> v) {
  *reinterpret_cast<typename Traits<T>::Unaligned*>(to) = v;
}

template <class T>
inline void store_some(T* to, Vec<T> v, Index lanes) {
  if (lanes == LANES<T>) return store(to, v);
  for (Index lane = 0; lane < lanes; ++lane) to[lane] = v[lane];
}

template <class T>
inline void zero(T* to, Index count) {
  __builtin_memset(to, 0, sizeof(T) * static_cast<std::size_t>(count));
}

template <class T>
inline Vec<T> all(T x) {
  return x - Vec<T>{};
}

template <class T>
inline Mask<T> bits(Vec<T> v) {
  return reinterpret_cast<Mask<T>>(v);
}

template <class T>
inline Vec<T> from_bits(Mask<T> v) {
  return reinterpret_cast<Vec<T>>(v);
}

// min and max keep a NaN of the first argument, as NumPy does.
template <class T>
inline Vec<T> min(Vec<T> v, T bound) {
  return v > all(bound) ? all(bound) : v;
}

template <class T>
inline Vec<T> max(Vec<T> v, T bound) {
  return v < all(bound) ? all(bound) : v;
}

template <class T>
inline Vec<T> abs(Vec<T> v) {
  return from_bits<T>(bits<T>(v) & ~bits<T>(all(T(-0.0))));
}

template <class T>
inline Vec<T> copy_sign(Vec<T> size, Vec<T> sign) {
  const Mask<T> sign_bit = bits<T>(all(T(-0.0)));
  return from_bits<T>((bits<T>(size) & ~sign_bit) | (bits<T>(sign) & sign_bit));
}

// Compiles to one instruction.
template <class T>
inline Vec<T> sqrt(Vec<T> v) {
  for (Index lane = 0; lane < LANES<T>; ++lane) v[lane] = T(__builtin_sqrt(double(v[lane])));
  return v;
}

// The first lanes of v, each as a double.
template <class T>
inline void store_as_double(double* to, Vec<T> v, Index lanes) {
  typedef T Part __attribute__((vector_size(LANES<double> * sizeof(T))));  // as many numbers as doubles fit a vector
  Part parts[sizeof(Vec<T>) / sizeof(Part)];
  __builtin_memcpy(parts, &v, sizeof v);
  for (const Part& part : parts) {
    if (lanes > 0) store_some(to, __builtin_convertvector(part, Vec<double>), smaller(lanes, LANES<double>));
    to += LANES<double>;
    lanes -= LANES<double>;
  }
}

// Lanes 0, 1, ..., LANES - 1.
template <class T>
inline Vec<T> lane_numbers() {
  Vec<T> v{};
  for (Index lane = 0; lane < LANES<T>; ++lane) v[lane] = static_cast<T>(lane);
  return v;
}

}  // namespace chainrule::CHAINRULE_ISA
