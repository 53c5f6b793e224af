/* SPDX-License-Identifier: BSD-3-Clause */
#include "matrix.h"

#define F(name) t_##name
#define BIAS 100
#include "matrix_family.h"
