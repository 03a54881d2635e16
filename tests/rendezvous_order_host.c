/* SPDX-License-Identifier: MIT */
/* rendezvous_order_host.c: rendezvous_order.c as a program that calls the functions of brainmm.h itself. */
#define ORDER_HOST
#include "rendezvous_order.c"
