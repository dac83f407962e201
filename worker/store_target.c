#include "store_target.h"

#include "behind.h"
#include "connect.h"
#include "snapshot.h"

#include "lib/redis_tag.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

static void
take_word(struct slice word, char out[STORE_WORD_MAX], size_t *n)
{
	*n = word.n < STORE_WORD_MAX ? word.n : 0;
	if (*n)
		memcpy(out, word.p, *n);
}

static void
take_address(const struct segment *endpoints, const struct table_address *a,
	     struct sockaddr_storage *out)
{
	struct sockaddr_un *un = (struct sockaddr_un *)out;
	struct slice path = seg_string(endpoints, a->path);

	if (a->family != AF_UNIX) {
		connect_address(a, out);
		return;
	}
	un->sun_family = AF_UNIX;
	if (path.n < sizeof un->sun_path)
		memcpy(un->sun_path, path.p, path.n);
}

static void
take_text(struct slice text, char out[256])
{
	snprintf(out, 256, "%.*s", SLICE_F(text));
}

static void
take_endpoint(struct snapshot *t, const struct table_endpoint *e, struct store_target *to,
	      struct behind **behind)
{
	const struct segment *seg = t->segments[SEGMENT_ENDPOINTS];

	for (uint32_t i = 0; i < e->count && to->addresses_n < STORE_ADDRESSES_MAX; i++) {
		take_text(behind_host(seg_string(seg, e->host)), to->hosts[to->addresses_n]);
		take_address(seg, table_address(seg, e->first + i),
			     &to->addresses[to->addresses_n++]);
	}
	if (e->tls) {
		const struct table_upstream_tls *way = table_upstream_tls(seg, e->tls - 1);

		to->secure = true;
		take_text(seg_string(seg, way->server_name), to->peer);
		memcpy(to->way, way->identity, sizeof to->way);
		*behind = behind_get(t, e->tls);
	}
}

void
store_target_read(struct snapshot *t, const struct table_login *login, struct store_target *to,
		  struct behind **behind)
{
	const struct segment *seg = t->segments[SEGMENT_ENDPOINTS], *keys;
	const struct table_upstream *up = table_upstream(seg, login->store);
	struct slice password;

	memset(to, 0, sizeof *to);
	*behind = NULL;
	keys = t->segments[SEGMENT_KEYS];
	password = table_secret(keys, SECRET_STORE_PASSWORD, 0);
	take_word(table_secret(keys, SECRET_STORE_USER, 0), to->user, &to->user_n);
	take_word(password, to->password, &to->password_n);
	to->closed = password.n > 0;
	to->found = login->flags & LOGIN_STORE_FOUND;
	to->cluster = login->flags & LOGIN_STORE_CLUSTER;
	to->database = login->store_db;
	to->answer_ms = login->store_ms;
	for (uint32_t i = 0; up && i < up->count; i++)
		take_endpoint(t, table_endpoint(seg, up->first + i), to, behind);
}

static bool
same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a->ss_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
	       memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}

uint16_t
store_target_port(const struct store_target *to, unsigned i)
{
	const struct sockaddr_in6 *a6 = (const void *)&to->addresses[i];
	const struct sockaddr_in *a4 = (const void *)&to->addresses[i];

	return ntohs(a4->sin_family == AF_INET ? a4->sin_port : a6->sin6_port);
}

unsigned
store_target_find(const struct store_target *to, struct slice host, uint16_t port)
{
	struct sockaddr_storage a;
	bool numeric = redis_numeric(host, port, &a);
	unsigned i = 0;

	while (i < to->addresses_n && !(numeric ? same_address(&to->addresses[i], &a)
						: slice_ieq(host, slice_of(to->hosts[i])) &&
						      store_target_port(to, i) == port))
		i++;
	return i;
}
