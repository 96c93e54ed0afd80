#include "arguments.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace chainrule {

namespace {

#define CHAINRULE_NAME(name) #name,
const std::vector<std::string> ACTIVATION_NAMES{CHAINRULE_ACTIVATIONS(CHAINRULE_NAME)};
const std::vector<std::string> LOSS_NAMES{CHAINRULE_LOSSES(CHAINRULE_NAME)};
const std::vector<std::string> OPTIMIZER_NAMES{CHAINRULE_OPTIMIZERS(CHAINRULE_NAME)};
#undef CHAINRULE_NAME

template <class Kind>
Kind kind_of(const std::string& name, const std::vector<std::string>& names) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw std::invalid_argument("'" + name + "' is not known to the native engine.");
  return static_cast<Kind>(found - names.begin());
}

Activation activation_of(const Named& named) {
  return {kind_of<ActivationKind>(named.first, ACTIVATION_NAMES), named.second};
}

Number number_of(nb::dlpack::dtype dtype) {
  if (dtype == nb::dtype<bool>()) return Number::uint8;  // one byte, 0 or 1
#define CHAINRULE_CASE(name, type) \
  if (dtype == nb::dtype<type>()) return Number::name;
  CHAINRULE_NUMBERS(CHAINRULE_CASE)
#undef CHAINRULE_CASE
  throw std::invalid_argument("a table must hold real numbers of at most 64 bits.");
}

void check(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

// A sum of products of numbers that are not negative; one that does not fit is refused.
struct Count {
  std::int64_t total = 0;

  void add(std::int64_t a, std::int64_t b) {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    check(b == 0 || a <= (most - total) / b, "a network must have fewer than 2^63 parameters.");
    total += a * b;
  }
};

}  // namespace

void check_places(const In<std::int64_t>& places, std::int64_t count, const char* what) {
  std::uint64_t signs = 0;  // its first bit is set if any place is below 0, or above count - 1
  for (std::size_t i = 0; i < places.shape(0); ++i) {
    const auto place = static_cast<std::uint64_t>(places.data()[i]);
    signs |= place | (static_cast<std::uint64_t>(count - 1) - place);
  }
  if (signs >> 63) {
    throw std::out_of_range(std::string(what) + " must be at least 0 and below " + std::to_string(count) + ".");
  }
}

NetworkArgument::NetworkArgument(std::vector<std::int64_t> widths_, const std::vector<Named>& hidden_,
                                 const NamedLoss& loss_, const Named& output_,
                                 const std::vector<std::pair<std::uint64_t, double>>& dropout_, double l1_, double l2_,
                                 const std::vector<std::array<std::int64_t, 3>>& embeddings_)
    : widths(std::move(widths_)),
      loss(kind_of<LossKind>(loss_.first, LOSS_NAMES)),
      loss_parameters(loss_.second),
      output(activation_of(output_)),
      l1(l1_),
      l2(l2_) {
  check(widths.size() >= 2 && *std::min_element(widths.begin(), widths.end()) >= 1, "a network needs widths above 0.");
  check(hidden_.size() == widths.size() - 2, "a network needs one activation for each hidden layer.");
  check(dropout_.empty() || dropout_.size() == widths.size() - 1, "dropout needs one rate for A[0] to A[L-1].");
  for (const Named& one : hidden_) hidden.push_back(activation_of(one));
  for (const auto& [removed, factor] : dropout_) dropout.push_back({removed, factor});
  const std::size_t needed = loss == LossKind::quantiles ? static_cast<std::size_t>(widths.back()) : 1;
  check(loss_parameters.size() == needed, "a loss needs one parameter, or one quantile for each output.");
  for (const auto& [column, levels, size] : embeddings_) embeddings.push_back({column, levels, size});
  find_numbers();
}

// The columns of the table that no embedding is of.
void NetworkArgument::find_numbers() {
  std::int64_t n_columns = widths.front();
  for (const Embedding& one : embeddings) {
    check(one.levels >= 1 && one.size >= 1 && one.size <= widths.front(), "an embedding needs levels and entries.");
    n_columns -= one.size - 1;
  }
  for (std::int64_t column = 0; column < n_columns; ++column) {
    const auto is_of = [&](const Embedding& one) { return one.column == column; };
    if (std::none_of(embeddings.begin(), embeddings.end(), is_of)) numbers.push_back(column);
  }
  check(static_cast<std::int64_t>(this->n_columns()) == n_columns, "embeddings must be of different columns.");
}

Network NetworkArgument::view() const {
  return {static_cast<std::int64_t>(widths.size()) - 1,
          widths.data(),
          hidden.data(),
          dropout.empty() ? nullptr : dropout.data(),
          {loss, loss_parameters.data(), output},
          l1,
          l2,
          static_cast<std::int64_t>(embeddings.size()),
          embeddings.data(),
          numbers.data()};
}

std::size_t NetworkArgument::n_parameters() const {
  Count count;
  for (std::size_t l = 1; l < widths.size(); ++l) {
    count.add(widths[l], widths[l - 1]);
    count.add(widths[l], 1);
  }
  for (const Embedding& one : embeddings) count.add(one.levels, one.size);
  return static_cast<std::size_t>(count.total);
}

TableArgument::TableArgument(InTable table)
    : dense(std::move(table)),
      m(static_cast<std::int64_t>(dense.shape(0))),
      n(static_cast<std::int64_t>(dense.shape(1))),
      view{dense.data(), number_of(dense.dtype()), dense.stride(0), dense.stride(1), nullptr, nullptr, 0} {}

TableArgument::TableArgument(InVector data_, In<std::int64_t> starts_, In<std::int32_t> columns_, std::int64_t n_)
    : data(std::move(data_)),
      starts(std::move(starts_)),
      columns(std::move(columns_)),
      m(static_cast<std::int64_t>(starts.shape(0)) - 1),
      n(n_),
      view{data.data(), number_of(data.dtype()), 0, 0, starts.data(), columns.data(), 0} {
  const auto entries = static_cast<std::int64_t>(std::min(data.shape(0), columns.shape(0)));
  check(m >= 0 && starts.data()[0] == 0 && starts.data()[m] <= entries,
        "starts must go from 0 to the number of entries.");
  for (std::int64_t i = 0; i < m; ++i) {
    const std::int64_t count = starts.data()[i + 1] - starts.data()[i];
    check(count >= 0, "starts must not fall.");
    view.most_entries = std::max(view.most_entries, count);
  }
  const std::int32_t *first = columns.data(), *last = first + starts.data()[m];
  check(std::all_of(first, last, [&](std::int32_t column) { return column >= 0 && column < n; }),
        "columns must be at least 0 and below the number of inputs.");
}

ExamplesArgument::ExamplesArgument(TableArgument X_, TableArgument Y_, std::optional<In<double>> weights_,
                                   double mean_weight_, std::optional<In<std::int64_t>> rows_,
                                   std::optional<In<std::uint64_t>> keys_)
    : X(std::move(X_)),
      Y(std::move(Y_)),
      weights(std::move(weights_)),
      mean_weight(mean_weight_),
      rows(std::move(rows_)),
      keys(std::move(keys_)) {
  const auto fits = [&](const auto& vector) { return !vector || static_cast<std::int64_t>(vector->shape(0)) == X.m; };
  check(Y.m == X.m && fits(weights) && fits(keys), "X, Y, weights and keys must have as many rows.");
  if (rows) check_places(*rows, X.m, "rows");
}

Examples ExamplesArgument::view() const {
  return {X.view,
          Y.view,
          weights ? weights->data() : nullptr,
          mean_weight,
          rows ? rows->data() : nullptr,
          keys ? keys->data() : nullptr};
}

PlanArgument::PlanArgument(const std::string& optimizer, double a, double b, double epsilon,
                           std::optional<In<double>> mu_, std::optional<In<double>> mu_product_,
                           std::int64_t batch_size, std::uint64_t seed, double weight_decay, double clip_norm,
                           double clip_value)
    : mu(std::move(mu_)), mu_product(std::move(mu_product_)) {
  const auto kind = kind_of<OptimizerKind>(optimizer, OPTIMIZER_NAMES);
  const int slots = kind == OptimizerKind::sgd                                    ? 0
                    : kind == OptimizerKind::adam || kind == OptimizerKind::nadam ? 2
                                                                                  : 1;
  check(batch_size >= 1, "batch_size must be at least 1.");
  check(kind != OptimizerKind::nadam || (mu && mu_product && mu->shape(0) == mu_product->shape(0)),
        "nadam needs mu and its running product.");
  view = {{kind, a, b, epsilon, mu ? mu->data() : nullptr, mu_product ? mu_product->data() : nullptr, slots},
          batch_size,
          seed,
          weight_decay,
          clip_norm,
          clip_value};
}

}  // namespace chainrule
