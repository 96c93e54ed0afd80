// What Python hands over, kept alive and checked, and its view as the engine's plain data.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../engine.hpp"

namespace chainrule {

namespace nb = nanobind;

template <class T>
using In = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using InTable = nb::ndarray<nb::ro, nb::ndim<2>, nb::device::cpu>;
using InVector = nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Out = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using InOut = nb::ndarray<nb::ndim<1>, nb::c_contig, nb::device::cpu>;

using Named = std::pair<std::string, double>;                   // an activation and its parameter
using NamedLoss = std::pair<std::string, std::vector<double>>;  // a loss and its parameters

struct NetworkArgument {
  std::vector<std::int64_t> widths;
  std::vector<Activation> hidden;
  std::vector<Dropout> dropout;
  LossKind loss;
  std::vector<double> loss_parameters;
  Activation output;
  double l1, l2;
  std::vector<Embedding> embeddings;
  std::vector<std::int64_t> numbers;

  NetworkArgument(std::vector<std::int64_t> widths_, const std::vector<Named>& hidden_, const NamedLoss& loss_,
                  const Named& output_, const std::vector<std::pair<std::uint64_t, double>>& dropout_, double l1_,
                  double l2_, const std::vector<std::array<std::int64_t, 3>>& embeddings_);

  Network view() const;
  std::size_t n_parameters() const;
  std::size_t n_columns() const { return numbers.size() + embeddings.size(); }

 private:
  void find_numbers();
};

// A dense table, or one in compressed sparse rows.
struct TableArgument {
  InTable dense;
  InVector data;
  In<std::int64_t> starts;
  In<std::int32_t> columns;
  std::int64_t m, n;
  Table view;

  explicit TableArgument(InTable table);
  TableArgument(InVector data, In<std::int64_t> starts, In<std::int32_t> columns, std::int64_t n);
};

struct ExamplesArgument {
  TableArgument X, Y;
  std::optional<In<double>> weights;
  double mean_weight;
  std::optional<In<std::int64_t>> rows;
  std::optional<In<std::uint64_t>> keys;

  ExamplesArgument(TableArgument X_, TableArgument Y_, std::optional<In<double>> weights_, double mean_weight_,
                   std::optional<In<std::int64_t>> rows_, std::optional<In<std::uint64_t>> keys_);

  std::int64_t m() const { return rows ? static_cast<std::int64_t>(rows->shape(0)) : X.m; }
  Examples view() const;
};

struct PlanArgument {
  Plan view;
  std::optional<In<double>> mu, mu_product;

  PlanArgument(const std::string& optimizer, double a, double b, double epsilon, std::optional<In<double>> mu_,
               std::optional<In<double>> mu_product_, std::int64_t batch_size, std::uint64_t seed, double weight_decay,
               double clip_norm, double clip_value);
};

// Raises unless every place is at least 0 and below `count`.
void check_places(const In<std::int64_t>& places, std::int64_t count, const char* what);

void bind_arguments(nb::module_& m);
void bind_jobs(nb::module_& m);
void bind_dispatch(nb::module_& m);

}  // namespace chainrule
