#include "arguments.hpp"
#include "gil.hpp"

NB_MODULE(_native, m) {
  namespace nb = nanobind;
  m.doc() = "The compiled engine; chainrule.engine.native is its only importer.";
  chainrule::park_threads_at_exit();
  nb::set_leak_warnings(false);  // a daemon thread may be training while the interpreter ends
  chainrule::bind_arguments(m);
  chainrule::bind_jobs(m);
  chainrule::bind_dispatch(m);
}
