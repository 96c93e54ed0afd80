#include "arguments.hpp"

NB_MODULE(_native, m) {
  m.doc() = "The compiled engine; chainrule.engine.native is its only importer.";
  chainrule::bind_arguments(m);
  chainrule::bind_jobs(m);
  chainrule::bind_dispatch(m);
}
