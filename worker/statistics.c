#include "statistics.h"

#include "request.h"
#include "worker.h"

#include "shm/top.h"

void
statistics_count(struct request *r, struct slice name, uint64_t us)
{
	struct worker *w = r->worker;
	const int class = r->status / 100;
	const struct top_sums more = {
		.requests = 1,
		.errors = class == 5 || class == 0,
		.denied = class == 4,
		.bytes = r->bytes_in + r->bytes_out,
		.duration_us = r->tunnel ? 0 : us,
	};

	if (!w->top)
		w->top = top_writer_new(&w->page->identities);
	top_add(w->top, name, &more);
}

void
statistics_forget(struct worker *w)
{
	struct top_list none = TOP_LIST_INIT;

	if (!w->top)
		return;
	top_writer_free(w->top);
	w->top = NULL;
	top_list_publish(&none, &w->page->identities);
	top_list_deinit(&none);
}
