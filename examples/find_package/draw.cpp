// Samples a model inside a C++ program: draw MODEL.safetensors
#include <pushforward.h>
#include <iostream>
#include <memory>
#include <vector>

struct model_free {
  void operator()(pf_model *model) const { pf_model_free(model); }
};

int main(int argc, char **argv) {
  if (argc != 2) return std::cerr << "usage: draw MODEL\n", 2;
  pf_error error = {};
  pf_model *loaded = nullptr;
  if (pf_model_load(argv[1], &loaded, &error) != PF_OK) return std::cerr << error.message << '\n', 1;
  std::unique_ptr<pf_model, model_free> model(loaded);

  const int columns = pf_model_columns(loaded), rows = 5;
  std::vector<double> values(static_cast<std::size_t>(rows) * columns);
  const pf_sample_options options = pf_sample_options_default();
  if (pf_model_sample(loaded, &options, rows, values.data(), &error) != PF_OK)
    return std::cerr << error.message << '\n', 1;

  for (int j = 0; j < columns; j++) std::cout << pf_model_column_name(loaded, j) << (j + 1 < columns ? ',' : '\n');
  std::cout.precision(9);
  for (int i = 0; i < rows * columns; i++) std::cout << values[i] << ((i + 1) % columns ? ',' : '\n');
}
