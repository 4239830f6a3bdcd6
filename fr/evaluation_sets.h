// The verification sets of protocol_table(): which files each reads, and what it should hold. Internal to fr/evaluation.cpp.
#pragma once
#include <memory>

#include "fr/evaluation.h"

namespace fr {

// Throws Error{usage} "protocol = ... needs KEY = ..." when the value of a key is empty.
void need(const EvaluationConfig& config, const std::string& value, const std::string& key);

std::unique_ptr<Protocol> make_pairs(const EvaluationConfig& config);
std::unique_ptr<Protocol> make_lfw(const EvaluationConfig& config);
std::unique_ptr<Protocol> make_cfp_fp(const EvaluationConfig& config);
std::unique_ptr<Protocol> make_cfp_ff(const EvaluationConfig& config);
std::unique_ptr<Protocol> make_agedb_30(const EvaluationConfig& config);
std::unique_ptr<Protocol> make_calfw(const EvaluationConfig& config);
std::unique_ptr<Protocol> make_cplfw(const EvaluationConfig& config);
std::unique_ptr<Protocol> make_rfw(const EvaluationConfig& config);
std::unique_ptr<Protocol> make_afw(const EvaluationConfig& config);
std::unique_ptr<Protocol> make_ytf(const EvaluationConfig& config);
std::unique_ptr<Protocol> make_bin(const EvaluationConfig& config);
std::unique_ptr<Protocol> make_ijb_1_1(const EvaluationConfig& config);
std::unique_ptr<Protocol> make_ijb_1_n(const EvaluationConfig& config);
std::unique_ptr<Protocol> make_megaface(const EvaluationConfig& config);

}  // namespace fr
