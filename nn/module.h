// A module owns parameters and buffers, has children, and calls ops. Names are dotted paths:
// "stage1.unit0.conv1.weight".
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autograd/ops.h"
#include "nn/init.h"

namespace fr {

// A trained tensor with its multipliers (Caffe's lr_mult and decay_mult) and the way initialise() fills it.
struct Parameter {
  Var var;
  double lr_multiplier = 1, decay_multiplier = 1;
  Init init = {};
  bool in_products = false;  // read by convolutions and matrix products: bfloat16 maps want it rounded
  bool slope = false;        // of a PReLU: recipes differ in whether it decays
};

// Where random layers take their numbers from: the training loop sets it before each step.
struct RandomState {
  uint64_t seed = 0, step = 0;
  const uint64_t* step_at = nullptr;  // where the step lies in the kernels' memory, instead
};
RandomState& random_state();

class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;  // layers point at their own parameters
  Module& operator=(const Module&) = delete;
  virtual Var forward(const Var& x) = 0;

  // In order of registration, children after their parent's own; pointers stay valid while the module lives.
  std::vector<std::pair<std::string, Parameter*>> parameters();
  std::vector<std::pair<std::string, Tensor*>> buffers();
  int64_t parameter_count() const;  // elements

  void train(bool training = true);  // this module and all below; forgets what was prepared
  bool training() const { return training_; }
  // For inference with weights that will not change: layers may keep them in the arrangement their kernels want, made at
  // the next forward pass. After a change of weights prepare() again.
  void prepare(bool prepared = true);
  bool prepared() const { return prepared_; }
  void zero_grad();
  // Parameters and buffers move to the device; for bfloat16 maps the weights that products read are kept rounded beside
  // their float32 masters. Gradients are lost, and an optimiser made before does not follow: make it afterwards.
  void place(Device device, DType maps = DType::float32);
  Device device();       // where the first parameter lies; cpu when there is none
  void round_weights();  // after values of parameters were set by hand
  // After every update of the parameters: this module and all below bring theirs back into bounds. On a device this is
  // part of the recorded step, so it reads no number back.
  void after_update();
  // Fills every parameter from (seed, its dotted name) as its Init says. Layers are born with their constants
  // set and their random weights zero: a network needs this once, at its root.
  void initialise(uint64_t seed);

 protected:
  Parameter& add_parameter(std::string name, Tensor value, double lr_multiplier = 1,
                           double decay_multiplier = 1);
  // Filled when init is a constant, otherwise zero until initialise().
  Parameter& add_parameter(std::string name, Shape shape, const Init& init);
  Tensor& add_buffer(std::string name, Tensor value);
  template <class M, class... A>
  M& add_child(std::string name, A&&... arguments) {
    return adopt_child(std::move(name), std::make_unique<M>(std::forward<A>(arguments)...));
  }
  template <class M>
  M& adopt_child(std::string name, std::unique_ptr<M> child) {  // one that somebody else has built
    check_name(name);
    M& reference = *child;
    children_.emplace_back(std::move(name), std::move(child));
    return reference;
  }

  virtual void forget_prepared() {}  // of this module alone
  virtual void keep_in_bounds() {}   // after_update() of this module alone

 private:
  void check_name(const std::string& name) const;  // not empty, not taken
  std::vector<std::pair<std::string, std::unique_ptr<Parameter>>> parameters_;
  std::vector<std::pair<std::string, std::unique_ptr<Tensor>>> buffers_;
  std::vector<std::pair<std::string, std::unique_ptr<Module>>> children_;
  bool training_ = true, prepared_ = false;
};

}  // namespace fr
