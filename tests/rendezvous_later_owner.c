/* SPDX-License-Identifier: MIT */
/* rendezvous_later_owner.c: an owner like a later release: its version-2 table and its record are longer than ours. */
#define LATER_OWNER
#include "rendezvous_short_owner.c"
