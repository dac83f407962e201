#include "metrics_tls.h"

#include "metrics.h"

#include "lib/clock.h"

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
	static struct board_certificate rows[BOARD_CERTIFICATES]; /* as they were read last */
	int64_t now = clock_wall();

	board_read(&m->certificates_seq, m->certificates, sizeof rows, rows);
	if (rows[0].until == 0)
		return;
	metrics_family(out, METRIC_certificate_expiry_seconds);
	for (int i = 0; i < BOARD_CERTIFICATES && rows[i].until > 0; i++)
		row_write(&rows[i], now, out);
}
