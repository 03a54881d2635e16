/* SPDX-License-Identifier: MIT */
/* settings.c: see settings.h. */
#include "checked/settings.h"

struct checked_settings checked_settings;
bool checked_is_on, checked_serves;
