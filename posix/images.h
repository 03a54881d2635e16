/* SPDX-License-Identifier: MIT */
/* images.h (POSIX): what the port's rendezvous leaves for init.c to do. */
#ifndef BRAINMM_IMAGES_H
#define BRAINMM_IMAGES_H

/* The address that rendezvous_pin() was called with, whose image is to stay loaded; NULL: there is none. */
const void *images_pinned(void);

#endif
