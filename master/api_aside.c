/*
 * Answers that take long where there are many routes: made by a child (build.h), which has
 * everything as it is now.
 */

#include "api.h"

#include "issuer_set.h"
#include "master.h"

#include "lib/log.h"
#include "lib/xalloc.h"
#include "shm/memfd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct aside {
	struct api_call *call;
	const void *what;
	api_make *make;
	api_made *made;
};

static int
make(const struct aside *a, int *fd)
{
	BUF_CLEAN struct buf text = { 0 };
	struct slice all;
	int r = a->make(a->call, a->what, &text);

	all = buf_slice(&text);
	return r < 0 ? r : memfd_of("yett-reply", &all, 1, fd);
}

static void
finish(struct aside *a, int r, int fd)
{
	a->made(a->call, r, fd);
	if (fd >= 0)
		close(fd);
	free(a);
}

static int
work(void *userdata, struct build_result *out)
{
	const struct aside *a = userdata;
	struct directory_slots *slots = &a->call->master->publisher.slots;

	slots_borrow(slots->routes);
	slots_borrow(slots->limits);
	slots_borrow(slots->upstreams);
	slots_borrow(slots->endpoints);
	slots_borrow(slots->seen_upstreams);
	return make(a, &out->fd[0]);
}

static void
done(void *userdata, int r, struct build_result *result)
{
	int fd = result->fd[0];

	result->fd[0] = -1;
	finish(userdata, r == 0 && fd < 0 ? -EBADMSG : r, fd);
}

void
api_aside(struct api_call *c, api_make *how, api_made *made, const void *what)
{
	struct master *m = c->master;
	struct aside *a = xcalloc(1, sizeof *a);
	int r, fd = -1;

	*a = (struct aside){ .call = c, .what = what, .make = how, .made = made };
	if (m->publisher.from_image) { /* whose rules are not known yet */
		r = -EAGAIN;
	} else if (publish_is_large(m, m->rules)) {
		r = issuer_work_any() ? -EBUSY
				      : builder_start(&m->aside, "yett-answer", work, done, a);
		if (r == 0)
			return;
	} else {
		r = make(a, &fd);
	}
	finish(a, r, fd);
}
