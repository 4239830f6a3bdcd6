# make            find or install what is missing, build bin/*         make format   clang-format in place
# make test       build and run every test                             make clean    remove what was built
# make bench      measure against OpenBLAS                             make docs     write the generated documents
# bench/peers/compare.py measures against other libraries, after make bench and bench/peers/setup.sh; bench/peers/losses.py
# compares losses and gradients with theirs, after make build/loss_worker. make build/bench_protocols measures scores of large sets.
# make gpu        tests and benchmark for a CUDA card, see docs/gpu.md
# CXX=clang++ chooses the compiler, BUILD=folder where objects go, SANITIZE=1 adds ASan and UBSan. CUDA=0 leaves the kernels
# of cuda/ out even where nvcc is found; CUDA_ARCH="80 90" names the cards to compile for.

# Target-specific variables stand before the first rule, and with them rules of their own.
.DEFAULT_GOAL := all
MAKEFLAGS += -j$(shell nproc) --no-print-directory
BUILD    ?= build
OPT      ?= -O2
# With a precompiled header gcc 12 finds faults in std::string's own code.
QUIET     = -Wno-array-bounds -Wno-stringop-overflow -Wno-restrict
WARN      = -Wall -Wextra -Wshadow -Werror $(if $(findstring clang,$(CXX)),,$(QUIET))
# Nobody reads errno after std::sqrt, and without it the compiler may take several square roots at once.
CXXFLAGS += -std=c++20 $(OPT) $(WARN) -fopenmp -fno-math-errno -I. -MMD -MP
LDFLAGS  += -fopenmp
LDLIBS   += -lturbojpeg -lz
ifdef SANITIZE  # not -Werror: instrumented library code trips gcc's flow warnings
  WARN    = -Wall -Wextra -Wshadow $(if $(findstring clang,$(CXX)),,$(QUIET) -Wno-maybe-uninitialized)
  CXXFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all -D_GLIBCXX_ASSERTIONS $(CHECKS)
  LDFLAGS  += -fsanitize=address,undefined
endif

# Every source of tensor/cpu/simd is compiled once per instruction set; its namespace follows the flags.
AVX2      = -mavx2 -mfma -ffp-contract=off
AVX512    = -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512 -ffp-contract=off
ifdef SANITIZE  # checks as calls, in line they take minutes to compile; and only addresses, of one instruction set of the same source
  THRESHOLD = $(if $(findstring clang,$(CXX)),-mllvm -asan-instrumentation-with-call-threshold,--param asan-instrumentation-with-call-threshold)=0
  CHECKS  = $(THRESHOLD)
  AVX2   += $(THRESHOLD) -fno-sanitize=undefined
  AVX512 += -fno-sanitize=all -O0
endif
SIMD      = $(wildcard tensor/cpu/simd/*.cpp)
SRC       = $(wildcard $(addsuffix /*.cpp,base tensor tensor/cpu autograd autograd/ops nn data data/* fr fr/* bin/common))
OBJ       = $(SRC:%.cpp=$(BUILD)/%.o) $(SIMD:%.cpp=$(BUILD)/%.avx2.o) $(SIMD:%.cpp=$(BUILD)/%.avx512.o)
LIB       = $(BUILD)/libprosopon.a
PROGRAMS  = $(patsubst %.cpp,%,$(wildcard bin/*.cpp))

# The kernels of cuda/, by nvcc where there is one: for the card of this machine, otherwise as machine code for compute
# capability 8.0 and as PTX, which the driver compiles for later cards. *_sm90a.cu use what only Hopper has.
CU        = $(wildcard cuda/*.cu)
CUDA     ?= $(if $(SANITIZE),0,auto)
ifeq ($(CUDA),0)
  override NVCC :=
else
  NVCC   ?= $(firstword $(shell command -v nvcc 2>/dev/null) $(wildcard /usr/local/cuda/bin/nvcc))
  NVCC   := $(NVCC)
endif
ifneq ($(NVCC),)
  NVCC_MAJOR := $(shell $(NVCC) --version | sed -n 's/.*release \([0-9]*\).*/\1/p')
  ifneq ($(shell [ 0$(NVCC_MAJOR) -ge 12 ] && echo ok),ok)
    $(warning $(NVCC) is older than CUDA 12: building without CUDA)
    override NVCC :=
  endif
endif
ifneq ($(NVCC),)
  CUDA_HOME  := $(abspath $(dir $(shell readlink -f $(NVCC)))..)
  CARD       := $(shell nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d .)
  CUDA_ARCH  ?= $(or $(patsubst sm_%,%,$(filter sm_$(CARD),$(if $(CARD),$(shell $(NVCC) --list-gpu-code)))),80)
  GENCODE     = $(foreach a,$(CUDA_ARCH),-gencode=arch=compute_$a,code=sm_$a) \
                -gencode=arch=compute_$(lastword $(CUDA_ARCH)),code=compute_$(lastword $(CUDA_ARCH))
  CUDA_WARN   = -Werror=all-warnings -Xcompiler=-Wall,-Wextra
  NVCCFLAGS  += -std=c++20 -O2 --expt-relaxed-constexpr -I. $(CUDA_WARN) -MMD -MP
  CUDA_FLAGS  = -isystem $(CUDA_HOME)/include -DPROSOPON_CUDA_ARCH='"$(CUDA_ARCH)"'
  OBJ        += $(patsubst %.cpp,$(BUILD)/%.o,$(filter-out cuda/none.cpp,$(wildcard cuda/*.cpp))) $(CU:%.cu=$(BUILD)/%.cuda.o)
  LDLIBS     += $(addprefix -L,$(wildcard $(CUDA_HOME)/lib64 $(CUDA_HOME)/lib)) -lcudart_static -ldl -lrt -lpthread
else
  ifeq ($(CUDA),1)
    $(error CUDA=1, but there is no nvcc of CUDA 12 or later on the PATH or in /usr/local/cuda/bin)
  endif
  OBJ        += $(BUILD)/cuda/pool.o $(BUILD)/cuda/none.o
endif

# The tests run the kernels of cuda/ on the CPU: the same sources, compiled for test/emulator.
EMULATED  = $(patsubst %.cu,$(BUILD)/%.emulated.o,$(CU) $(wildcard test/*/*.cu))
TEST_OBJ  = $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard test/*.cpp test/*/*.cpp)) $(EMULATED)
# The programs for a card can run on the emulator too (--emulated).
EMULATOR  = $(addprefix $(BUILD)/test/emulator/,emulator.o device.o hopper.o) $(EMULATED)
# What bin/audit checks, and how: also part of the tests.
AUDIT     = $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard audit/*.cpp audit/*/*.cpp))
# Tests spend little time in their own code, and most of their compiling in headers: others are precompiled for them. Not
# those of the emulator, which is a computer.
QUICK     = $(filter-out $(BUILD)/test/emulator/% %.emulated.o,$(TEST_OBJ))
ifdef SANITIZE  # OPT is for most; what computes much is optimised all the same
HOT       = $(filter $(addprefix $(BUILD)/,tensor/% autograd/% nn/% data/% fr/protocol/% fr/calibration/% audit/% test/tensor/% test/cuda/% test/emulator/%),$(OBJ) $(AUDIT) $(TEST_OBJ)) $(EMULATED)
QUICK    := $(filter-out $(HOT),$(QUICK))
$(HOT): private CXXFLAGS += -O1
$(HOT): private FIRST = -include $(BUILD)/hot/standard.h
$(HOT): private CHECKS =
$(HOT): $(BUILD)/hot/standard.h.gch
else
$(QUICK): private CXXFLAGS += -O1
endif
$(QUICK): private FIRST = -include $(BUILD)/test/standard.h
$(QUICK): $(BUILD)/test/standard.h.gch
CARD_OBJ  = $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard test/cuda/card/*.cpp)) \
            $(if $(NVCC),$(patsubst %.cu,$(BUILD)/%.cuda.o,$(wildcard test/cuda/*.cu)))
GPU_BENCH_OBJ = $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard bench/gpu/*.cpp))
# cuBLAS is only a yardstick of the benchmark.
CUBLAS    = $(if $(NVCC),$(and $(wildcard $(CUDA_HOME)/include/cublas_v2.h),$(wildcard $(CUDA_HOME)/lib64/libcublas.so)))
BENCH_OBJ = $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard bench/*.cpp))
WORKER_OBJ = $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard bench/worker/*.cpp))
DEPENDS  := $(shell CXX="$(CXX)" scripts/dependencies.sh build $(filter test bench,$(MAKECMDGOALS)) \
                    $(if $(filter gpu,$(MAKECMDGOALS)),test) || echo missing)
ifneq ($(filter missing,$(DEPENDS)),)
  $(error something is missing, see above)
endif

all: $(PROGRAMS)

test: $(PROGRAMS) $(BUILD)/unit_tests
	test/unit.sh $(BUILD)/unit_tests
	test/layers.sh
	test/isa_symbols.sh $(BUILD)
	test/cli.sh

bench: $(BUILD)/bench_kernels $(BUILD)/bench_worker
	$(BUILD)/bench_kernels

gpu: $(BUILD)/gpu_tests $(BUILD)/gpu_bench

bin/audit: $(AUDIT)
$(PROGRAMS): bin/%: $(BUILD)/bin/%.o $(LIB)
	@echo "  $@"; $(CXX) $(LDFLAGS) $(filter %.o,$^) $(LIB) $(LDLIBS) -o $@
$(BUILD)/unit_tests: $(TEST_OBJ) $(AUDIT) $(LIB)
	@echo "  $@"; $(CXX) $(LDFLAGS) $^ $(LDLIBS) -lgtest -lgtest_main -o $@
$(BUILD)/bench_kernels: $(BENCH_OBJ) $(filter-out %/main.o,$(WORKER_OBJ)) $(LIB)
	@echo "  $@"; $(CXX) $(LDFLAGS) $^ $(LDLIBS) -lbenchmark -lopenblas -o $@
$(BUILD)/bench_worker: $(WORKER_OBJ) $(LIB)
	@echo "  $@"; $(CXX) $(LDFLAGS) $^ $(LDLIBS) -o $@
$(BUILD)/loss_worker: $(BUILD)/bench/loss_worker/main.o $(LIB)
	@echo "  $@"; $(CXX) $(LDFLAGS) $^ $(LDLIBS) -o $@
$(BUILD)/bench_protocols: $(BUILD)/bench/protocols/main.o $(LIB)
	@echo "  $@"; $(CXX) $(LDFLAGS) $^ $(LDLIBS) -o $@
$(BUILD)/detection_worker: $(BUILD)/bench/detection_worker/main.o $(LIB)
	@echo "  $@"; $(CXX) $(LDFLAGS) $^ $(LDLIBS) -o $@
$(BUILD)/gpu_tests: $(CARD_OBJ) $(AUDIT) $(EMULATOR) $(LIB)
	@echo "  $@"; $(CXX) $(LDFLAGS) $^ $(LDLIBS) -lgtest -o $@
$(BUILD)/gpu_bench: $(GPU_BENCH_OBJ) $(EMULATOR) $(LIB)
	@echo "  $@"; $(CXX) $(LDFLAGS) $^ $(LDLIBS) $(if $(CUBLAS),-lcublas -Wl$(comma)-rpath$(comma)$(CUDA_HOME)/lib64) -o $@
comma := ,
# A file in $(BUILD) that changes when the text does: what depends on it is built again.
stamp = $(shell mkdir -p $(BUILD); echo "$2" | cmp -s - $(BUILD)/$1 || echo "$2" > $(BUILD)/$1)
$(call stamp,objects,$(sort $(OBJ)))
$(if $(NVCC),$(call stamp,cuda_arch,$(NVCC) $(CUDA_ARCH)))
$(LIB): $(OBJ) $(BUILD)/objects
	@rm -f $@; ar rcs $@ $(filter %.o,$^)

# The commit is part of --version and of every run; its object is rebuilt when the commit changes.
COMMIT := $(shell git describe --always --dirty=-changed --exclude '*' 2>/dev/null || echo unknown)
$(call stamp,commit,$(COMMIT))
$(BUILD)/base/version.o: private CXXFLAGS += -DPROSOPON_COMMIT='"$(COMMIT)"'
$(BUILD)/base/version.o: $(BUILD)/commit

STANDARD = $(BUILD)/base/standard.h
FIRST    = -include $(STANDARD)
$(BUILD)/hot/standard.h.gch: private CXXFLAGS += -O1
$(BUILD)/test/standard.h.gch: private CXXFLAGS += $(if $(SANITIZE),,-O1)
$(BUILD)/test/standard.h.gch: test/standard.h
$(STANDARD).gch $(BUILD)/hot/standard.h.gch $(BUILD)/test/standard.h.gch: base/standard.h
	@mkdir -p $(@D); echo "  $(lastword $^) (precompiled)"; cp $(lastword $^) $(@:.gch=); $(CXX) $(CXXFLAGS) -x c++-header $(lastword $^) -o $@
$(BUILD)/%.avx2.o: %.cpp
	@mkdir -p $(@D); echo "  $< (avx2)"; $(CXX) $(CXXFLAGS) $(AVX2) -c $< -o $@
$(BUILD)/%.avx512.o: %.cpp
	@mkdir -p $(@D); echo "  $< (avx512)"; $(CXX) $(CXXFLAGS) $(AVX512) -c $< -o $@
$(BUILD)/%.emulated.o: %.cu
	@mkdir -p $(@D); echo "  $< (emulated)"; $(CXX) $(CXXFLAGS) -DPROSOPON_EMULATED -x c++ -c $< -o $@
$(BUILD)/%.cuda.o: %.cu $(BUILD)/cuda_arch
	@mkdir -p $(@D); echo "  $< (nvcc, $(if $(filter %_sm90a.cu,$<),90a,$(CUDA_ARCH)))"; $(NVCC) $(NVCCFLAGS) \
	  $(if $(filter %_sm90a.cu,$<),-gencode=arch=compute_90a$(comma)code=sm_90a,$(GENCODE)) -c $< -o $@
$(BUILD)/cuda/%.o: private CXXFLAGS += $(CUDA_FLAGS)
$(BUILD)/test/cuda/card/%.o: private CXXFLAGS += $(if $(NVCC),-DPROSOPON_CUDA)
$(BUILD)/bench/gpu/%.o: private CXXFLAGS += $(if $(CUBLAS),-DPROSOPON_CUBLAS -isystem $(CUDA_HOME)/include)
$(if $(NVCC),$(eval $(BUILD)/cuda/device.o: $(BUILD)/cuda_arch))
$(BUILD)/%.o: %.cpp $(STANDARD).gch
	@mkdir -p $(@D); echo "  $<"; $(CXX) $(CXXFLAGS) $(FIRST) -c $< -o $@

docs: bin/train bin/evaluate bin/audit
	bin/train --document > docs/configuration.md
	bin/evaluate --document > docs/evaluation.md
	bin/audit --docs docs/math
format:
	clang-format -i $(shell git ls-files '*.h' '*.cpp' '*.cu')
clean:
	rm -rf $(BUILD) $(PROGRAMS)

.PHONY: all test bench gpu docs format clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
