#pragma once

/*
 * doctor_providers: whether identity providers answer, and what their clocks say: a token is good
 * by theirs and judged by ours. One question each.
 */

#include "doctor.h"
#include "resolve.h"

struct doctor_providers;

/* `done` runs once for each that is asked, from the loop; *asked: how many are. */
struct doctor_providers *doctor_providers_begin(uv_loop_t *loop, struct resolver *resolver,
						const struct doctor *d,
						void (*done)(void *userdata), void *userdata,
						size_t *asked);
/* What is still open is not answered; frees it. */
void doctor_providers_end(struct doctor_providers *p, struct doctor *d);
