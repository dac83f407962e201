#include "metrics_issuers.h"

#include "metrics.h"

#include "lib/clock.h"

static void
add_sample(struct buf *out, enum metric m, const struct board_issuer *row, const char *more,
	   long long value)
{
	metrics_name(out, m);
	buf_adds(out, SLICE("{issuer=\""));
	metrics_label(out, slice_make(row->name, strnlen(row->name, sizeof row->name)));
	buf_addf(out, "\"%s} %lld\n", more, value);
}

void
metrics_write_issuers(const struct board_master *m, struct buf *out)
{
	static struct board_issuer rows[BOARD_ISSUERS]; /* as they were read last */
	int64_t now = clock_wall();
	int n = 0;

	board_read(&m->issuers_seq, m->issuers, sizeof rows, rows);
	while (n < BOARD_ISSUERS && rows[n].name[0])
		n++;
	if (n == 0)
		return;
	metrics_family(out, METRIC_jwks_age_seconds);
	for (int i = 0; i < n; i++) {
		if (rows[i].fetched_wall > 0)
			add_sample(out, METRIC_jwks_age_seconds, &rows[i], "",
				   (long long)(now - (int64_t)rows[i].fetched_wall));
	}
	metrics_family(out, METRIC_jwks_keys);
	for (int i = 0; i < n; i++)
		add_sample(out, METRIC_jwks_keys, &rows[i], "", (long long)rows[i].keys);
	metrics_family(out, METRIC_jwks_fetches_total);
	for (int i = 0; i < n; i++) {
		add_sample(out, METRIC_jwks_fetches_total, &rows[i], ",result=\"ok\"",
			   (long long)rows[i].fetches);
		add_sample(out, METRIC_jwks_fetches_total, &rows[i], ",result=\"failed\"",
			   (long long)rows[i].failures);
	}
}
