#include "expiry.h"

#include "certificates.h"

#include "lib/log.h"
#include "lib/xalloc.h"
#include "shm/board.h"

#include <stdlib.h>

#define DAY 86400

int
expiry_days_left(const struct pair *p, time_t now)
{
	static const int days[] = { 1, 3, 7, 14, 30 };

	for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
		if (p->until - now <= days[i] * DAY)
			return p->until - p->from > 2 * days[i] * DAY ? days[i] : 0;
	}
	return 0;
}

static void
warn(const struct certificate_source *s, time_t now)
{
	struct pair *p = s->pair;
	int days = expiry_days_left(p, now);
	BUF_CLEAN struct buf until = { 0 };

	if (days == 0 || days >= p->told || now >= p->until)
		return;
	p->told = days;
	buf_add_json_time(&until, p->until);
	log_warn("certificate file=%s name=%s expires=%.*s error=\"it expires within %d day%s; "
		 "renew it\"",
		 s->file, pair_name(p), SLICE_F(until), days, days == 1 ? "" : "s");
}

static int
by_end(const void *a, const void *b)
{
	const struct certificate_source *x = *(const struct certificate_source *const *)a;
	const struct certificate_source *y = *(const struct certificate_source *const *)b;

	return x->pair->until < y->pair->until ? -1 : x->pair->until > y->pair->until;
}

/* Of a long text its end. */
static void
text_put(char *out, size_t cap, const char *text)
{
	size_t n = strlen(text), from = n < cap ? 0 : n - cap + 1;

	memset(out, 0, cap);
	memcpy(out, text + from, n - from);
}

static void
rows_put(struct board_certificate *rows, const struct certificate_source **all, size_t n)
{
	for (size_t i = 0; i < BOARD_CERTIFICATES; i++) {
		if (i >= n) {
			rows[i].until = 0;
			continue;
		}
		rows[i].until = (uint64_t)all[i]->pair->until;
		text_put(rows[i].name, sizeof rows[i].name, pair_name(all[i]->pair));
		text_put(rows[i].file, sizeof rows[i].file, all[i]->file);
	}
}

void
expiry_tell(const struct certificates *c, struct board_master *board, long long now)
{
	const struct certificate_source **all = xcalloc(c->pairs_count + 1, sizeof *all);
	size_t n = 0, refused = 0;

	for (size_t i = 0; i < c->pairs_count; i++) {
		const struct certificate_source *s = &c->pairs[i];

		refused += s->stale || !s->pair;
		if (!s->pair)
			continue;
		all[n++] = s;
		warn(s, now);
	}
	qsort(all, n, sizeof *all, by_end);
	board_set(&board->certificates_seq, board->certificates_seq + 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	rows_put(board->certificates, all, n);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	board_set(&board->certificates_seq, board->certificates_seq + 1);
	board_set(&board->certificates_refused, (uint64_t)refused);
	free(all);
}
