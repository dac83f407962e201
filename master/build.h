#pragma once

/*
 * build: what takes long is made by a short-lived child: a fork of the master, which has all that
 * it needs as it was at that moment, and hands back descriptors. One at a time. What becomes of it,
 * a crash too, is told on the loop.
 */

#include <stdint.h>

struct uv_loop_s;

#define BUILD_RESULTS 3

struct build_result {
	uint32_t same;         /* for who asks; meant for `done` alone */
	int fd[BUILD_RESULTS]; /* -1: none; `done` takes them over, and sets them to -1 */
};

/* In the child: fills `out`. 0 or a negative errno. It writes to nothing that others see. */
typedef int build_work(void *userdata, struct build_result *out);
/* In the master: 0; or what the child said; -ECHILD: it ended without a word, -ETIME: it took too
 * long. The next one may be started from within. */
typedef void build_done(void *userdata, int r, struct build_result *result);

struct builder {
	struct uv_loop_s *loop;
	struct build *now; /* NULL: none */
};

void builder_init(struct builder *b, struct uv_loop_s *loop);
/* Kills what is under way: `done` hears -ECANCELED, when it is gone. */
void builder_cancel(struct builder *b);
/* The same, at the end: waits for that. */
void builder_stop(struct builder *b);
/* 0, -EBUSY while there is one, or another negative errno. `name`: how it is listed by ps. To be
 * called when this process has no other thread that works. */
int builder_start(struct builder *b, const char *name, build_work *work, build_done *done,
		  void *userdata) __attribute__((warn_unused_result));
/* At every tick. */
void builder_tick(struct builder *b, uint64_t now_ms);
