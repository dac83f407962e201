#include "cascade_record.h"

#include "digest.h"

#include "lib/redis.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[] = {
	[CASCADE_WAITS] = "waits",
	[CASCADE_DONE] = "done",
	[CASCADE_DEAD] = "dead",
};

#define STATES (sizeof names / sizeof names[0])

const char *
cascade_state_name(enum cascade_state state)
{
	return names[state];
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

const char *
cascade_id_fault(struct slice user)
{
	if (user.n == 0)
		return "it is empty";
	if (user.n > CASCADE_ID_MAX)
		return "it is longer than 256 bytes";
	if (slice_has_control(user))
		return "it has control characters";
	if (is_blank(user.p[0]) || is_blank(user.p[user.n - 1]))
		return "it begins or ends with a blank, which no header can";
	return NULL;
}

const char *
cascade_job(struct slice user, char out[CASCADE_JOB])
{
	struct digest d = { 0 };

	digest_add(&d, SLICE("cascade"), user);
	return digest_text(&d, out);
}

bool
cascade_is_job(struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (!memchr("0123456789abcdef", text.p[i], 16))
			return false;
	}
	return text.n == CASCADE_JOB - 1;
}

/* ---- as Redis keeps it ---- */

/* The next word as a number; false: it is none, or too large. */
static bool
take_number(struct slice *rest, int64_t most, int64_t *out)
{
	struct slice word = slice_cut(*rest, ' ', rest);
	char text[24], *end;

	snprintf(text, sizeof text, "%.*s", SLICE_F(word));
	*out = strtoll(text, &end, 10);
	return word.n > 0 && word.n < sizeof text && !*end && *out >= 0 && *out <= most;
}

/* "STATE ATTEMPTS NEXT STATUS REASON" */
static bool
read_service(struct arena *a, struct slice text, struct cascade_service *out)
{
	struct slice rest = text, state = slice_cut(text, ' ', &rest);
	int64_t attempts, next, status;

	for (size_t i = 0; i < STATES; i++) {
		if (!slice_eq(state, slice_of(names[i])))
			continue;
		if (!take_number(&rest, UINT32_MAX, &attempts) ||
		    !take_number(&rest, INT64_MAX, &next) || !take_number(&rest, 999, &status))
			return false;
		out->state = (enum cascade_state)i;
		out->attempts = (uint32_t)attempts;
		out->next_ms = next;
		out->status = (int)status;
		out->reason = rest.n > 0 ? arena_string(a, rest) : "";
		return true;
	}
	return false;
}

void
cascade_write(const struct cascade_service *s, struct buf *out)
{
	buf_addf(out, "%s %" PRIu32 " %" PRId64 " %d%s%s", names[s->state], s->attempts, s->next_ms,
		 s->status > 0 ? s->status : 0, *s->reason ? " " : "", s->reason);
}

/* A field that is not understood belongs to a later gateway than this one. */
static bool
read_field(struct arena *a, struct slice name, struct slice value, struct cascade_record *out)
{
	struct cascade_service *s = &out->services[out->services_count];

	if (slice_eq(name, SLICE("user")))
		out->user = arena_copy(a, value);
	else if (slice_eq(name, SLICE("key")))
		out->key = arena_copy(a, value);
	else if (slice_eq(name, SLICE("since")))
		return take_number(&value, INT64_MAX, &out->since_ms);
	else if (!slice_starts(name, SLICE("s:")) || out->services_count == CASCADE_SERVICES_MAX)
		return true;
	else if (!read_service(a, value, s))
		return false;
	else
		out->services[out->services_count++].name =
		    arena_string(a, slice_make(name.p + 2, name.n - 2));
	return true;
}

bool
cascade_read(struct arena *a, const struct redis_reply *r, struct cascade_record *out)
{
	*out = (struct cascade_record){ 0 };
	if (!r || r->type != REDIS_ARRAY || r->count % 2 != 0)
		return false;
	out->services = arena_calloc(a, (r->count / 2 + 1) * sizeof *out->services);
	for (size_t i = 0; i < r->count; i += 2) {
		const struct redis_reply *name = r->elements[i], *value = r->elements[i + 1];

		if (!name || !value || name->type != REDIS_STRING || value->type != REDIS_STRING ||
		    !read_field(a, name->text, value->text, out))
			return false;
	}
	return out->user.n > 0 && !cascade_id_fault(out->user) && out->key.n > 0 &&
	       !slice_has_control(out->key);
}

/* ---- when what is tried ---- */

/* Twice as long each time, give or take a fifth. */
static int64_t
pause_of(const struct cascade_pace *pace, uint32_t attempts, uint32_t random)
{
	uint64_t pause = pace->first_ms;

	for (uint32_t i = 1; i < attempts && pause < pace->most_ms; i++)
		pause *= 2;
	if (pause > pace->most_ms)
		pause = pace->most_ms;
	return (int64_t)(pause * 4 / 5 + pause * 2 / 5 * (random % 1024) / 1024);
}

void
cascade_attempted(struct cascade_service *s, const struct cascade_record *r, int status,
		  const char *reason, const struct cascade_pace *pace, int64_t now_ms,
		  uint32_t random)
{
	bool absent = status == 404 || status == 410;

	s->attempts++;
	s->status = status > 0 ? status : 0;
	s->reason = absent ? "the service knows nothing of it" : status > 0 ? "" : reason;
	s->next_ms = now_ms;
	if ((status >= 200 && status < 300) || absent) {
		s->state = CASCADE_DONE;
	} else if (now_ms - r->since_ms >= (int64_t)pace->give_up_ms) {
		s->state = CASCADE_DEAD;
	} else {
		s->state = CASCADE_WAITS;
		s->next_ms = now_ms + pause_of(pace, s->attempts, random);
	}
}

int64_t
cascade_next(const struct cascade_record *r)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < r->services_count; i++) {
		const struct cascade_service *s = &r->services[i];

		if (s->state == CASCADE_WAITS && s->next_ms < next)
			next = s->next_ms;
	}
	return next;
}

bool
cascade_is_dead(const struct cascade_record *r)
{
	for (size_t i = 0; i < r->services_count; i++) {
		if (r->services[i].state == CASCADE_DEAD)
			return true;
	}
	return false;
}
