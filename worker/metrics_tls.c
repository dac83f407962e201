#include "metrics_tls.h"

#include "metrics.h"

#include "lib/clock.h"

/* The rows of one moment; false: the master is changing them all the time. */
static bool
rows_read(const struct board_master *m, struct board_certificate out[BOARD_CERTIFICATES])
{
	for (int attempt = 0; attempt < 100; attempt++) {
		uint64_t seq = __atomic_load_n(&m->certificates_seq, __ATOMIC_ACQUIRE);

		memcpy(out, m->certificates, BOARD_CERTIFICATES * sizeof *out);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(seq & 1) && board_get(&m->certificates_seq) == seq)
			return true;
	}
	return false;
}

static void
row_write(const struct board_certificate *row, int64_t now, struct buf *out)
{
	metrics_name(out, METRIC_certificate_expiry_seconds);
	buf_adds(out, SLICE("{certificate=\""));
	metrics_label(out, slice_make(row->name, strnlen(row->name, sizeof row->name)));
	buf_adds(out, SLICE("\",file=\""));
	metrics_label(out, slice_make(row->file, strnlen(row->file, sizeof row->file)));
	buf_addf(out, "\"} %lld\n", (long long)((int64_t)row->until - now));
}

void
metrics_write_certificates(const struct board_master *m, struct buf *out)
{
	struct board_certificate rows[BOARD_CERTIFICATES];
	int64_t now = clock_wall();

	if (!rows_read(m, rows) || rows[0].until == 0)
		return;
	metrics_family(out, METRIC_certificate_expiry_seconds);
	for (int i = 0; i < BOARD_CERTIFICATES && rows[i].until > 0; i++)
		row_write(&rows[i], now, out);
}
