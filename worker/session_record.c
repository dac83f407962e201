#include "session_record.h"

#include "lib/json.h"
#include "lib/moment.h"
#include "lib/redis.h"

#include <errno.h>

#define HELD_BYTES 8192 /* of TokenIDs */
#define TID_MAX 256
#define USER_MAX 4096

/* ---- fields ---- */

/* p NULL: there is none. */
static struct slice
field(const struct redis_reply *r, struct slice name)
{
	for (size_t i = 0; i + 1 < r->count; i += 2) {
		const struct redis_reply *key = r->elements[i], *value = r->elements[i + 1];

		if (key && value && key->type == REDIS_STRING && value->type == REDIS_STRING &&
		    slice_eq(key->text, name))
			return value->text;
	}
	return (struct slice){ NULL, 0 };
}

static bool
number(struct slice text, uint64_t most, uint64_t *out)
{
	uint64_t n = 0;

	if (text.n == 0 || text.n > 19)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(text.p[i] - '0');
	}
	*out = n;
	return n <= most;
}

static bool
seconds(const struct redis_reply *r, struct slice name, uint32_t *out)
{
	uint64_t n;

	if (!number(field(r, name), UINT32_MAX, &n))
		return false;
	*out = (uint32_t)n;
	return true;
}

/* 0: it is a hash, with something in it. */
static int
hash_of(const struct redis_reply *r)
{
	if (r->type != REDIS_ARRAY)
		return -EBADMSG;
	return r->count == 0 ? -ENOENT : 0;
}

/* ---- a session ---- */

static bool
take_held(struct session_record *out, const struct json *v)
{
	struct slice provider = json_name(v), tid = json_text(v), rest;

	/* Every tid begins with its provider's name, so that no record passes another one's tokens
	 * for its own. */
	if (!tid.p || tid.n > TID_MAX || out->held_n == PROVIDERS_MAX || provider.n == 0 ||
	    !slice_eq(slice_cut(tid, ':', &rest), provider) || rest.n == 0)
		return false;
	out->held[out->held_n++] = (struct session_held){ provider, tid };
	return true;
}

static bool
read_held(struct slice text, struct session_record *out)
{
	if (json_parse(text, HELD_BYTES, 1, &out->held_text) < 0 ||
	    json_kind(out->held_text) != JSON_OBJECT)
		return false;
	for (const struct json *v = json_first(out->held_text); v; v = json_next(v)) {
		if (!take_held(out, v))
			return false;
	}
	return true;
}

int
session_record_read(const struct redis_reply *r, struct slice id, struct session_record *out)
{
	int error = hash_of(r);

	*out = (struct session_record){ 0 };
	if (error < 0)
		return error;
	out->user = field(r, SLICE("UserID"));
	if (slice_eq(field(r, SLICE("ID")), id) && out->user.p && out->user.n <= USER_MAX &&
	    moment_parse(field(r, SLICE("CreatedAt")), &out->created) &&
	    moment_parse(field(r, SLICE("ExpiresAt")), &out->expires) &&
	    seconds(r, SLICE("IdleTTLSeconds"), &out->idle_s) &&
	    seconds(r, SLICE("MaxTTLSeconds"), &out->max_s) &&
	    read_held(field(r, SLICE("TokenIDs")), out))
		return 0;
	session_record_deinit(out);
	return -EBADMSG;
}

void
session_record_deinit(struct session_record *r)
{
	json_free(r->held_text);
	r->held_text = NULL;
	r->held_n = 0;
}

/* ---- a token ---- */

int
token_record_read(const struct redis_reply *r, struct slice tid, struct token_record *out)
{
	struct slice fence;
	int error = hash_of(r);

	*out = (struct token_record){ 0 };
	if (error < 0)
		return error;
	out->value = field(r, SLICE("Value"));
	out->subject = field(r, SLICE("Subject"));
	(void)seconds(r, SLICE("Life"), &out->life_s);
	fence = field(r, SLICE("Fence"));
	if (!slice_eq(field(r, SLICE("ID")), tid) || !out->value.p || !out->subject.p ||
	    out->subject.n > USER_MAX ||
	    !moment_parse(field(r, SLICE("ExpiresAt")), &out->expires) ||
	    (fence.p && !number(fence, UINT64_MAX, &out->fence)))
		return -EBADMSG;
	return 0;
}

/* ---- how long ---- */

int64_t
session_touched(int64_t now, int64_t created, uint32_t idle_s, uint32_t max_s)
{
	int64_t idle = idle_s ? now + idle_s : INT64_MAX, max = max_s ? created + max_s : INT64_MAX;

	return idle < max ? idle : max;
}

bool
session_is_due(int64_t touched, int64_t expires, int64_t created, uint32_t max_s, uint32_t touch_s)
{
	if (touched <= expires)
		return false;
	return touched - expires >= touch_s || (max_s && touched == created + (int64_t)max_s);
}
