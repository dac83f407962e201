#include "metrics_requests.h"

#include "metrics.h"

#include "shm/table_login.h"

static const char *const methods[BOARD_METHODS] = {
	[METHOD_GET] = "GET",         [METHOD_HEAD] = "HEAD",       [METHOD_POST] = "POST",
	[METHOD_PUT] = "PUT",         [METHOD_DELETE] = "DELETE",   [METHOD_PATCH] = "PATCH",
	[METHOD_OPTIONS] = "OPTIONS", [METHOD_CONNECT] = "CONNECT", [METHOD_TRACE] = "TRACE",
	[METHOD_OTHER] = "other",
};

/* ---- histograms ---- */

struct histogram {
	const uint64_t *bucket;
	const uint32_t *bounds; /* count - 1 of them */
	int count;
	double unit; /* the sum and the bounds are divided by that */
	uint64_t sum;
	struct slice label; /* name="value", or empty */
};

static void
histogram_label(struct buf *b, const struct histogram *h)
{
	if (h->label.n)
		buf_addf(b, "{%.*s}", SLICE_F(h->label));
}

static void
write_histogram(struct buf *b, enum metric m, const struct histogram *h)
{
	const char *name = metric_info(m)->name;
	uint64_t below = 0;

	for (int i = 0; i < h->count; i++) {
		below += h->bucket[i];
		buf_addf(b, "%s_bucket{%.*s%sle=\"", name, SLICE_F(h->label),
			 h->label.n ? "," : "");
		if (i < h->count - 1)
			buf_addf(b, "%.10g", h->bounds[i] / h->unit);
		else
			buf_adds(b, SLICE("+Inf"));
		buf_addf(b, "\"} %llu\n", (unsigned long long)below);
	}
	buf_addf(b, "%s_sum", name);
	histogram_label(b, h);
	buf_addf(b, " %.15g\n%s_count", (double)h->sum / h->unit, name);
	histogram_label(b, h);
	buf_addf(b, " %llu\n", (unsigned long long)below);
}

void
metrics_durations(struct buf *b, enum metric m, struct slice label, const struct board_durations *d)
{
	write_histogram(
	    b, m,
	    &(struct histogram){ d->bucket, board_bucket_us, BOARD_BUCKETS, 1e6, d->sum, label });
}

void
metrics_route_durations(struct buf *b, enum metric m, struct slice label,
			const struct board_route_durations *d)
{
	write_histogram(b, m,
			&(struct histogram){ d->bucket, board_bucket_us + BOARD_ROUTE_FIRST,
					     BOARD_ROUTE_BUCKETS, 1e6, d->sum, label });
}

static void
write_sizes(struct buf *b, enum metric m, const struct board_sizes *s)
{
	metrics_family(b, m);
	write_histogram(
	    b, m,
	    &(struct histogram){ s->bucket, board_size_bytes, BOARD_SIZES, 1, s->sum, SLICE("") });
}

/* ---- counters ---- */

/* Those that were seen: others would be five thousand series. */
static void
write_codes(struct buf *b, enum metric m, struct slice more, const struct board_counts *sum)
{
	metrics_family(b, m);
	for (unsigned i = 0; i < BOARD_METHODS; i++) {
		for (unsigned code = 0; code < BOARD_CODES; code++) {
			if (sum->by_code[i][code] == 0)
				continue;
			metrics_name(b, m);
			if (code)
				buf_addf(b, "{code=\"%u\"", code + 99);
			else
				buf_adds(b, SLICE("{code=\"none\""));
			buf_addf(b, ",method=\"%s\"%.*s} %llu\n", methods[i], SLICE_F(more),
				 (unsigned long long)sum->by_code[i][code]);
		}
	}
}

static void
write_labelled(struct buf *b, enum metric m, const char *value, uint64_t count)
{
	const struct metric_info *info = metric_info(m);

	buf_addf(b, "%s{%s=\"%s\"} %llu\n", info->name, info->labels, value,
		 (unsigned long long)count);
}

static void
write_gate(struct buf *b, const struct board_counts *sum)
{
	const size_t prefix = sizeof "gate_" - 1;

	metrics_family(b, METRIC_gate_verdicts_total);
	for (int i = COUNTER_gate_identified; i <= COUNTER_gate_anonymous; i++)
		write_labelled(b, METRIC_gate_verdicts_total, board_counter_name[i] + prefix,
			       sum->counter[i]);
	for (int i = REASON_GATE_FIRST; i <= REASON_GATE_LAST; i++)
		write_labelled(b, METRIC_gate_verdicts_total, reason_info((enum reason)i)->name,
			       sum->by_reason[i]);
}

static void
write_tls_failed(struct buf *b, const struct board_counts *sum)
{
	const size_t prefix = sizeof "tls_failed_" - 1;

	metrics_family(b, METRIC_tls_handshakes_failed_total);
	for (int i = COUNTER_tls_failed_protocol; i <= COUNTER_tls_failed_plain; i++)
		write_labelled(b, METRIC_tls_handshakes_failed_total,
			       board_counter_name[i] + prefix, sum->counter[i]);
}

/* All, also those that were not seen yet: what grows from nothing has no rate. */
static void
write_refusals(struct buf *b, const struct board_counts *sum)
{
	metrics_family(b, METRIC_refusals_total);
	for (int i = REASON_none + 1; i < REASON_N; i++)
		write_labelled(b, METRIC_refusals_total, reason_info((enum reason)i)->name,
			       sum->by_reason[i]);
}

void
metrics_write_requests(const struct board_counts *sum, struct buf *out)
{
	for (int i = METRIC_COUNTERS_FIRST; i <= METRIC_COUNTERS_LAST; i++)
		metrics_single(out, (enum metric)i,
			       sum->counter[COUNTER_connections + i - METRIC_COUNTERS_FIRST]);
	write_tls_failed(out, sum);
	write_codes(out, METRIC_requests_total, SLICE(""), sum);
	write_refusals(out, sum);
	write_gate(out, sum);
	metrics_family(out, METRIC_request_duration_seconds);
	metrics_durations(out, METRIC_request_duration_seconds, SLICE(""), &sum->duration);
	write_sizes(out, METRIC_request_size_bytes, &sum->request_size);
	write_sizes(out, METRIC_response_size_bytes, &sum->response_size);
}

void
metrics_write_renku(const struct segment *rules, const struct board_counts *sum, struct buf *out)
{
	const struct table_login *login = table_login(rules);
	BUF_CLEAN struct buf host = { 0 };
	struct slice rest, origin;

	if (!table_global(rules)->profile_renku)
		return;
	origin = login ? seg_string(rules, login->origin) : SLICE("");
	slice_cut(origin, '/', &rest); /* https: */
	buf_adds(&host, SLICE(",host=\""));
	metrics_label(&host, rest.n > 1 ? slice_make(rest.p + 1, rest.n - 1) : SLICE(""));
	buf_addc(&host, '"');
	write_codes(out, METRIC_gateway_requests_total, buf_slice(&host), sum);
	metrics_family(out, METRIC_gateway_request_duration_seconds);
	metrics_durations(out, METRIC_gateway_request_duration_seconds, SLICE(""), &sum->duration);
	write_sizes(out, METRIC_gateway_request_size_bytes, &sum->request_size);
	write_sizes(out, METRIC_gateway_response_size_bytes, &sum->response_size);
}
