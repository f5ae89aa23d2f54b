#include "study.h"
const pf_study_plan pf_study_characteristic = {"characteristic", "x", NULL, 0};
