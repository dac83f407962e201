#include "status_tls.h"

#include "master.h"

#include "lib/clock.h"
#include "lib/tls.h"

static void
add_texts(struct buf *b, const char *first_key, const char *first, const char *second_key,
	  const char *second)
{
	buf_addf(b, "{\"%s\":", first_key);
	buf_add_json(b, slice_of(first));
	buf_addf(b, ",\"%s\":", second_key);
	buf_add_json(b, slice_of(second));
}

static const char *
state_of(bool usable, bool stale, const char *trouble)
{
	if (!usable)
		return "refused";
	if (stale)
		return "old";
	return *trouble ? "doubtful" : "good";
}

static void
add_state(struct buf *b, const char *state, const char *reason)
{
	buf_addf(b, ",\"state\":\"%s\",\"reason\":", state);
	buf_add_json(b, slice_of(reason));
	buf_addc(b, '}');
}

static void
add_names(struct buf *b, const struct pair *p)
{
	buf_adds(b, SLICE(",\"names\":["));
	for (size_t i = 0; i < p->names.count; i++) {
		buf_adds(b, i > 0 ? SLICE(",") : SLICE(""));
		buf_add_json(b, map_name(&p->names.entries[i]));
	}
	buf_addc(b, ']');
}

static void
add_pair(struct buf *b, const struct certificate_source *s, int64_t now)
{
	const struct pair *p = s->pair;

	add_texts(b, "file", s->file, "key", s->key);
	if (p) {
		add_names(b, p);
		buf_addf(b, ",\"kind\":\"%s\",\"from\":",
			 tls_certificate_is_ecdsa(p->certificate) ? "ECDSA" : "RSA");
		buf_add_json_time(b, p->from);
		buf_adds(b, SLICE(",\"until\":"));
		buf_add_json_time(b, p->until);
		buf_addf(b, ",\"expires_s\":%lld", (long long)(p->until - now));
	}
	add_state(b, state_of(p != NULL, s->stale, s->trouble), s->trouble);
}

static void
add_trust(struct buf *b, const struct trust_source *s)
{
	add_texts(b, "ca", s->ca, "crl", s->crl);
	buf_adds(b, SLICE(",\"crl_until\":"));
	buf_add_json_time(b, s->trust ? s->trust->revoked_until : 0);
	add_state(b, state_of(s->trust != NULL, s->stale, s->trouble), s->trouble);
}

void
status_write_tls(const struct master *m, struct buf *out)
{
	const struct certificates *c = m->certificates;
	int64_t now = clock_wall();

	buf_adds(out, SLICE("\"certificates\":["));
	for (size_t i = 0; i < c->pairs_count; i++) {
		buf_adds(out, i > 0 ? SLICE(",") : SLICE(""));
		add_pair(out, &c->pairs[i], now);
	}
	buf_adds(out, SLICE("],\"roots\":["));
	for (size_t i = 0; i < c->trusts_count; i++) {
		buf_adds(out, i > 0 ? SLICE(",") : SLICE(""));
		add_trust(out, &c->trusts[i]);
	}
	buf_addf(out, "],\"tickets\":{\"keys\":%u,\"made\":", m->tickets.n);
	buf_add_json_time(out, m->tickets.n > 0 ? m->tickets.made[0] : 0);
	buf_addc(out, '}');
}
