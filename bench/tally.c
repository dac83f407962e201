#include "tally.h"

static const char *const result_names[CLIENT_RESULTS] = {
	[CLIENT_CONNECT] = "connect",   [CLIENT_TLS] = "tls",
	[CLIENT_WHOLE] = "not_resumed", [CLIENT_RESET] = "reset",
	[CLIENT_TIMEOUT] = "timeout",   [CLIENT_STATUS] = "status",
	[CLIENT_LENGTH] = "length",     [CLIENT_MALFORMED] = "malformed",
	[CLIENT_GONE] = "closed",
};

void
tally_begin(struct tally *t, uint64_t now)
{
	memset(t, 0, sizeof *t);
	t->begin = t->last = now;
}

void
tally_add(struct tally *t, const struct client *c, enum client_result result, uint64_t now)
{
	t->counts[result]++;
	t->last = now;
	if (result == CLIENT_OK) {
		histogram_record(&t->latency, now - c->since);
		t->bytes += client_received(c);
	} else if (result == CLIENT_STATUS) {
		t->statuses[c->answer.status]++;
	}
}

static uint64_t
errors_of(const struct tally *t)
{
	uint64_t errors = 0;

	for (unsigned i = CLIENT_OK + 1; i < CLIENT_RESULTS; i++)
		errors += t->counts[i];
	return errors;
}

static void
print_errors(const struct tally *t, struct buf *out)
{
	const char *sep = "";

	buf_adds(out, SLICE(",\"by_kind\":{"));
	for (unsigned i = CLIENT_OK + 1; i < CLIENT_RESULTS; i++) {
		buf_addf(out, "%s\"%s\":%llu", sep, result_names[i],
			 (unsigned long long)t->counts[i]);
		sep = ",";
	}
	buf_adds(out, SLICE("},\"wrong_statuses\":{"));
	sep = "";
	for (unsigned i = 0; i < TALLY_STATUSES; i++) {
		if (t->statuses[i] == 0)
			continue;
		buf_addf(out, "%s\"%u\":%llu", sep, i, (unsigned long long)t->statuses[i]);
		sep = ",";
	}
	buf_addc(out, '}');
}

void
tally_print(const struct tally *t, struct buf *out)
{
	const struct histogram *h = &t->latency;
	double seconds = (double)(t->last - t->begin) / 1e9;
	uint64_t errors = errors_of(t);

	buf_addf(out,
		 "\"requests\":%llu,\"errors\":%llu,\"seconds\":%.6f,\"rps\":%.1f,\"bytes\":%llu",
		 (unsigned long long)t->counts[CLIENT_OK], (unsigned long long)errors, seconds,
		 seconds > 0 ? (double)t->counts[CLIENT_OK] / seconds : 0.0,
		 (unsigned long long)t->bytes);
	print_errors(t, out);
	buf_addf(out,
		 ",\"latency_us\":{\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p99.9\":%"
		 ".1f,\"max\":%.1f}",
		 h->count ? (double)h->sum / (double)h->count / 1e3 : 0.0,
		 (double)histogram_percentile(h, 0.5) / 1e3,
		 (double)histogram_percentile(h, 0.9) / 1e3,
		 (double)histogram_percentile(h, 0.99) / 1e3,
		 (double)histogram_percentile(h, 0.999) / 1e3, (double)h->max / 1e3);
	buf_adds(out, SLICE(",\"latency_buckets\":"));
	histogram_print(h, out);
}

void
tally_tell_head(struct buf *out)
{
	buf_addf(out, "%-8s %9s %9s %7s %9s %9s %9s %9s %9s\n", "", "requests", "req/s", "errors",
		 "p50 us", "p90", "p99", "p99.9", "longest");
}

void
tally_tell(const struct tally *t, const char *name, struct buf *out)
{
	const struct histogram *h = &t->latency;
	double seconds = (double)(t->last - t->begin) / 1e9;

	buf_addf(out, "%-8s %9llu %9.0f %7llu %9.0f %9.0f %9.0f %9.0f %9.0f\n", name,
		 (unsigned long long)t->counts[CLIENT_OK],
		 seconds > 0 ? (double)t->counts[CLIENT_OK] / seconds : 0.0,
		 (unsigned long long)errors_of(t), (double)histogram_percentile(h, 0.5) / 1e3,
		 (double)histogram_percentile(h, 0.9) / 1e3,
		 (double)histogram_percentile(h, 0.99) / 1e3,
		 (double)histogram_percentile(h, 0.999) / 1e3, (double)h->max / 1e3);
	for (unsigned i = CLIENT_OK + 1; i < CLIENT_RESULTS; i++) {
		if (t->counts[i] > 0 && i != CLIENT_STATUS)
			buf_addf(out, "  %s: %llu\n", result_names[i],
				 (unsigned long long)t->counts[i]);
	}
	for (unsigned i = 0; i < TALLY_STATUSES; i++) {
		if (t->statuses[i] > 0)
			buf_addf(out, "  status %u: %llu\n", i, (unsigned long long)t->statuses[i]);
	}
}
