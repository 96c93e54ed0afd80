// Row 11: θ := θ - move, as in optimizers.py, with clipping, penalties and weight decay around it (segment.py).
#pragma once

#include "engine.hpp"
#include "math.hpp"
#include "shuffles.hpp"

namespace chainrule::CHAINRULE_ISA {

// An epsilon that float32 would round to 0 makes 0 / 0 of every lane that only fills a vector.
constexpr double TINY = 1e-30;

// What one step's update needs besides gradient and state.
template <class T>
struct Step {
  T rate, inverse_m, clip_value, scale;  // scale: what clipping the norm leaves
  T l1, l2, decay;                       // of weights alone
  T a, b, epsilon;                       // the optimiser's own
  T m_correction, v_correction, now;     // m_hat = m_correction m + now d, v_hat = v_correction v

  Step(const Network& network, const Plan& plan, double rate_, Index m, Index step)
      : rate(T(rate_)),
        inverse_m(T(1) / T(m)),
        clip_value(T(plan.clip_value)),
        scale(1),
        l1(T(network.l1)),
        l2(T(network.l2)),
        decay(T(rate_ * plan.weight_decay)),
        a(T(plan.optimizer.a)),
        b(T(plan.optimizer.b)),
        epsilon(plan.optimizer.epsilon >= TINY ? T(plan.optimizer.epsilon) : T(TINY)),
        m_correction(1),
        v_correction(1),
        now(0) {
    const Optimizer& optimizer = plan.optimizer;
    const double t = static_cast<double>(step + 1);
    if (optimizer.kind == OptimizerKind::adam) m_correction = T(1 / (1 - __builtin_pow(optimizer.a, t)));
    if (optimizer.kind == OptimizerKind::nadam) {
      m_correction = T(optimizer.mu[step + 1] / (1 - optimizer.mu_product[step + 1]));
      now = T((1 - optimizer.mu[step]) / (1 - optimizer.mu_product[step]));
    }
    if (optimizer.kind == OptimizerKind::adam || optimizer.kind == OptimizerKind::nadam) {
      v_correction = T(1 / (1 - __builtin_pow(optimizer.b, t)));
    }
  }

  // The gradient of the smooth cost, from the sum over the batch; the l2 of these parameters.
  Vec<T> d(Vec<T> sum, Vec<T> theta, Vec<T> l2_) const { return sum * all(inverse_m) + l2_ * theta; }
  Vec<T> clipped(Vec<T> v) const { return max<T>(min<T>(v, clip_value), -clip_value); }
};

// By lanes, 1 for a weight and 0 for a bias or an entry of an embedding, which are never penalised.
template <class T>
struct Lanes {
  Vec<T> weights;

  static Lanes of_weights() { return {all(T(1))}; }
  static Lanes of_biases() { return {Vec<T>{}}; }
  static Lanes of_embeddings() { return {Vec<T>{}}; }
  static Lanes with_bias(Index lane) { return {lane_numbers<T>() == all(static_cast<T>(lane)) ? Vec<T>{} : all(T(1))}; }
};

template <class T>
struct Move {
  Vec<T> move, gain;  // gain: the move per unit of a gradient that stays the same for ever
};

template <class T, OptimizerKind kind>
inline Move<T> move_of(const Step<T>& step, Vec<T> d, [[maybe_unused]] T* slot_0, [[maybe_unused]] T* slot_1) {
  const Vec<T> rate = all(step.rate), one = all(T(1)), epsilon = all(step.epsilon);
  if constexpr (kind == OptimizerKind::sgd) {
    return {rate * d, rate};
  } else if constexpr (kind == OptimizerKind::momentum || kind == OptimizerKind::nesterov) {
    const Vec<T> v = all(step.a) * load(slot_0) + d;
    store(slot_0, v);
    if constexpr (kind == OptimizerKind::momentum) return {rate * v, rate / (one - all(step.a))};
    return {rate * (d + all(step.a) * v), rate / (one - all(step.a))};
  } else if constexpr (kind == OptimizerKind::rmsprop || kind == OptimizerKind::adagrad) {
    Vec<T> v = load(slot_0);
    v = kind == OptimizerKind::rmsprop ? all(step.a) * v + (one - all(step.a)) * d * d : v + d * d;
    store(slot_0, v);
    const Vec<T> gain = rate / (sqrt<T>(v) + epsilon);
    return {gain * d, gain};
  } else {
    const Vec<T> m = all(step.a) * load(slot_0) + (one - all(step.a)) * d;
    const Vec<T> v = all(step.b) * load(slot_1) + (one - all(step.b)) * d * d;
    store(slot_0, m);
    store(slot_1, v);
    const Vec<T> gain = rate / (sqrt<T>(v * all(step.v_correction)) + epsilon);
    return {gain * (all(step.m_correction) * m + all(step.now) * d), gain};
  }
}

// Soft thresholding: the proximal step of an L1 penalty.
template <class T>
inline Vec<T> soft_threshold(Vec<T> W, Vec<T> threshold) {
  return copy_sign<T>(max<T>(abs<T>(W) - threshold, T(0)), W);
}

// Updates `size` parameters, and adds to `finite` what is finite if the length of their gradient is. The step is a
// copy: stores to theta cannot change it, so its numbers stay in registers.
template <class T, OptimizerKind kind>
void update_range(const Step<T> step, Lanes<T> lanes, Index size, const T* sums, T* theta, T* slot_0, T* slot_1,
                  Vec<T>& finite) {
  const Vec<T> l1 = all(step.l1) * lanes.weights, l2 = all(step.l2) * lanes.weights;
  const Vec<T> decay = all(step.decay) * lanes.weights;
  Vec<T> squares = finite;
  const bool clips = step.clip_value < T(__builtin_inf()) || step.scale < 1;
  for (Index i = 0; i < size; i += LANES<T>) {
    const Vec<T> old = load(theta + i);
    Vec<T> d = step.d(load(sums + i), old, l2);
    squares += sizeof(T) == 8 ? d * d : d * Vec<T>{};  // the squares of float32 cannot overflow float64
    if (clips) d = step.clipped(d) * all(step.scale);
    const Move<T> both = move_of<T, kind>(step, d, slot_0 + i, slot_1 + i);
    Vec<T> updated = old - both.move - decay * old;
    if (step.l1 != 0) updated = soft_threshold<T>(updated, l1 * both.gain);
    store(theta + i, updated);
  }
  finite = squares;
}

template <class T>
void update_parameters(const Optimizer& optimizer, const Step<T>& step, Lanes<T> lanes, Index size, const T* sums,
                       T* theta, T* slot_0, T* slot_1, Vec<T>& finite) {
  switch (optimizer.kind) {
#define CHAINRULE_CASE(name) \
  case OptimizerKind::name:  \
    return update_range<T, OptimizerKind::name>(step, lanes, size, sums, theta, slot_0, slot_1, finite);
    CHAINRULE_OPTIMIZERS(CHAINRULE_CASE)
#undef CHAINRULE_CASE
  }
}

// Σ d² of `size` gradients in float64, before and after their entries are clipped.
struct Squares {
  double plain = 0, clipped = 0;
};

// Adds the squares of a vector, in float64, to the sums of some lanes.
template <class T>
inline void add_squares(Vec<T> v, Vec<double>& sums) {
  typedef T Part __attribute__((vector_size(LANES<double> * sizeof(T))));  // as many numbers as doubles fit a vector
  Part parts[sizeof(Vec<T>) / sizeof(Part)];
  __builtin_memcpy(parts, &v, sizeof v);
  for (const Part& part : parts) {
    const Vec<double> wide = __builtin_convertvector(part, Vec<double>);
    sums += wide * wide;
  }
}

template <class T>
Squares squares(const Step<T>& step, Lanes<T> lanes, Index size, const T* sums, const T* theta) {
  const Vec<T> l2 = all(step.l2) * lanes.weights;
  Vec<double> plain{}, clipped{};
  for (Index i = 0; i < size; i += LANES<T>) {
    const Vec<T> d = step.d(load(sums + i), load(theta + i), l2);
    add_squares<T>(d, plain);
    add_squares<T>(step.clipped(d), clipped);
  }
  return {sum_of_lanes<double>(plain), sum_of_lanes<double>(clipped)};
}

}  // namespace chainrule::CHAINRULE_ISA
