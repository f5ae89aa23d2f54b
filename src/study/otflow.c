#include "study.h"
const pf_study_plan pf_study_otflow = {"otflow", "x", 0, 0};
