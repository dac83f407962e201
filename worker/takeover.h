#pragma once

/*
 * takeover: the old side. When the master is gone, the admin worker gives the next master the
 * listening sockets that it holds and the board pages that it knows, so that nothing queued and
 * nothing counted is lost.
 */

#include "worker.h"

/* Somebody connected to the take-over socket; answered only once the master is gone and only to our
 * own user. */
void takeover_accept(struct worker *w, int listener_fd);
