#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arguments.hpp"

namespace chainrule {

using namespace nb::literals;

void bind_arguments(nb::module_& m) {
  nb::class_<NetworkArgument>(m, "Network", "Widths, activations, loss, dropout, penalty and embeddings of a network.")
      .def(nb::init<std::vector<std::int64_t>, const std::vector<Named>&, const NamedLoss&, const Named&,
                    const std::vector<std::pair<std::uint64_t, double>>&, double, double,
                    const std::vector<std::array<std::int64_t, 3>>&>(),
           "widths"_a, "hidden"_a, "loss"_a, "output"_a, "dropout"_a, "l1"_a, "l2"_a, "embeddings"_a);

  nb::class_<TableArgument>(m, "Table", "Rows of numbers, dense or in compressed sparse rows; read, never copied.")
      .def(nb::init<InTable>(), "table"_a)
      .def(nb::init<InVector, In<std::int64_t>, In<std::int32_t>, std::int64_t>(), "data"_a, "starts"_a, "columns"_a,
           "n"_a);

  nb::class_<ExamplesArgument>(m, "Examples", "Inputs, targets, weights, the rows that count, and their keys.")
      .def(nb::init<TableArgument, TableArgument, std::optional<In<double>>, double, std::optional<In<std::int64_t>>,
                    std::optional<In<std::uint64_t>>>(),
           "X"_a, "Y"_a, "weights"_a.none(), "mean_weight"_a, "rows"_a.none(), "keys"_a.none());

  nb::class_<PlanArgument>(m, "Plan", "How to update: optimiser, batches, decay and clipping.")
      .def(nb::init<const std::string&, double, double, double, std::optional<In<double>>, std::optional<In<double>>,
                    std::int64_t, std::uint64_t, double, double, double>(),
           "optimizer"_a, "a"_a, "b"_a, "epsilon"_a, "mu"_a.none(), "mu_product"_a.none(), "batch_size"_a, "seed"_a,
           "weight_decay"_a, "clip_norm"_a, "clip_value"_a);
}

}  // namespace chainrule
