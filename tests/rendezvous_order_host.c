/* rendezvous_order_host.c: rendezvous_order.c as a program that has the heap's functions itself. */
#define ORDER_HOST
#include "rendezvous_order.c"
