# make            find or install what is missing, build bin/*         make format   clang-format in place
# make test       build and run every test                             make clean    remove what was built
# make bench      measure against OpenBLAS                             make docs     write the generated documents
# bench/peers/compare.py measures against other libraries, after make bench and bench/peers/setup.sh.
# CXX=clang++ chooses the compiler, BUILD=folder where objects go, SANITIZE=1 adds ASan and UBSan.
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
  WARN    = -Wall -Wextra -Wshadow $(QUIET) -Wno-maybe-uninitialized
  CXXFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all -D_GLIBCXX_ASSERTIONS
  LDFLAGS  += -fsanitize=address,undefined
endif

# Every source of tensor/cpu/simd is compiled once per instruction set; its namespace follows the flags.
AVX2      = -mavx2 -mfma -ffp-contract=off
AVX512    = -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512 -ffp-contract=off
ifdef SANITIZE  # checks as calls, and UBSan for one instruction set of the same source: in line they take minutes to compile
  AVX2   += $(if $(findstring clang,$(CXX)),,--param asan-instrumentation-with-call-threshold=0)
  AVX512 += -fno-sanitize=undefined $(if $(findstring clang,$(CXX)),,--param asan-instrumentation-with-call-threshold=0)
endif
SIMD      = $(wildcard tensor/cpu/simd/*.cpp)
SRC       = $(wildcard $(addsuffix /*.cpp,base tensor tensor/cpu autograd autograd/ops nn data data/* fr fr/* bin/common))
OBJ       = $(SRC:%.cpp=$(BUILD)/%.o) $(SIMD:%.cpp=$(BUILD)/%.avx2.o) $(SIMD:%.cpp=$(BUILD)/%.avx512.o)
LIB       = $(BUILD)/libprosopon.a
PROGRAMS  = $(patsubst %.cpp,%,$(wildcard bin/*.cpp))
CU        = $(wildcard cuda/*.cu)
# The tests run the kernels of cuda/ on the CPU: the same sources, compiled for test/emulator.
TEST_OBJ  = $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard test/*.cpp test/*/*.cpp)) \
            $(patsubst %.cu,$(BUILD)/%.emulated.o,$(CU) $(wildcard test/*/*.cu))
BENCH_OBJ = $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard bench/*.cpp))
WORKER_OBJ = $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard bench/worker/*.cpp))
DEPENDS  := $(shell CXX="$(CXX)" scripts/dependencies.sh build $(filter test bench,$(MAKECMDGOALS)) || echo missing)
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

$(PROGRAMS): bin/%: $(BUILD)/bin/%.o $(LIB)
	$(CXX) $(LDFLAGS) $^ $(LDLIBS) -o $@
$(BUILD)/unit_tests: $(TEST_OBJ) $(LIB)
	$(CXX) $(LDFLAGS) $^ $(LDLIBS) -lgtest -lgtest_main -o $@
$(BUILD)/bench_kernels: $(BENCH_OBJ) $(filter-out %/main.o,$(WORKER_OBJ)) $(LIB)
	$(CXX) $(LDFLAGS) $^ $(LDLIBS) -lbenchmark -lopenblas -o $@
$(BUILD)/bench_worker: $(WORKER_OBJ) $(LIB)
	$(CXX) $(LDFLAGS) $^ $(LDLIBS) -o $@
$(LIB): $(OBJ)
	@rm -f $@; ar rcs $@ $^

# The commit is part of --version and of every run; its object is rebuilt when the commit changes.
COMMIT := $(shell git describe --always --dirty=-changed --exclude '*' 2>/dev/null || echo unknown)
$(shell mkdir -p $(BUILD); echo "$(COMMIT)" | cmp -s - $(BUILD)/commit || echo "$(COMMIT)" > $(BUILD)/commit)
$(BUILD)/base/version.o: private CXXFLAGS += -DPROSOPON_COMMIT='"$(COMMIT)"'
$(BUILD)/base/version.o: $(BUILD)/commit

STANDARD = $(BUILD)/base/standard.h
$(STANDARD).gch: base/standard.h
	@mkdir -p $(@D); echo "  $< (precompiled)"; cp $< $(STANDARD); $(CXX) $(CXXFLAGS) -x c++-header $< -o $@
$(BUILD)/%.avx2.o: %.cpp
	@mkdir -p $(@D); echo "  $< (avx2)"; $(CXX) $(CXXFLAGS) $(AVX2) -c $< -o $@
$(BUILD)/%.avx512.o: %.cpp
	@mkdir -p $(@D); echo "  $< (avx512)"; $(CXX) $(CXXFLAGS) $(AVX512) -c $< -o $@
$(BUILD)/%.emulated.o: %.cu
	@mkdir -p $(@D); echo "  $< (emulated)"; $(CXX) $(CXXFLAGS) -DPROSOPON_EMULATED -x c++ -c $< -o $@
$(BUILD)/%.o: %.cpp $(STANDARD).gch
	@mkdir -p $(@D); echo "  $<"; $(CXX) $(CXXFLAGS) -include $(STANDARD) -c $< -o $@

docs: bin/train
	bin/train --document > docs/configuration.md
format:
	clang-format -i $(shell git ls-files '*.h' '*.cpp')
clean:
	rm -rf $(BUILD) $(PROGRAMS)

.PHONY: all test bench docs format clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
