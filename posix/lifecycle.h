/* lifecycle.h (POSIX): what the rendezvous leaves for init.c to do. */
#ifndef BRAINMM_LIFECYCLE_H
#define BRAINMM_LIFECYCLE_H

/* The image that ADDRESS lies in is to stay loaded: as soon as dlopen may be called. */
void lifecycle_pin_later(const void *address);

#endif
