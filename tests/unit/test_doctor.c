/* doctor: what is thought of numbers of the kernel and of what a Redis says, and how it is told. */

#include "master/doctor_host.h"
#include "master/doctor_redis.h"

#include "lib/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MIB ((uint64_t)1 << 20)
#define NONE HOST_UNKNOWN

static const struct doctor_host good = {
	.files = 262144,
	.backlog = 4096,
	.ports_first = 32768,
	.ports_last = 60999,
	.conntrack = NONE,
	.conntrack_max = NONE,
	.memory = 1024 * MIB,
	.table = MIB,
	.huge_always = 0,
	.clock_unsynchronised = 0,
	.workers = 2,
	.reserve = 32,
	.unit = "",
};

static const struct doctor_finding *
find(const struct doctor *d, const char *check, const char *text)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_finding *f = &d->findings[i];

		if (strcmp(f->check, check) == 0 &&
		    memmem(f->text.p ? f->text.p : "", f->text.n, text, strlen(text)))
			return f;
	}
	return NULL;
}

static void
expect(const struct doctor *d, const char *check, enum doctor_state state, const char *text,
       const char *remedy)
{
	const struct doctor_finding *f = find(d, check, text);

	if (!f)
		fail_msg("nothing of %s says \"%s\"", check, text);
	assert_int_equal(f->state, state);
	if (f->remedy.n != strlen(remedy) ||
	    memcmp(f->remedy.p ? f->remedy.p : "", remedy, f->remedy.n))
		fail_msg("%s: \"%.*s\"", check, SLICE_F(f->remedy));
}

struct host_case {
	size_t at; /* the number that is another */
	uint64_t value;
	const char *check;
	enum doctor_state state;
	const char *text, *remedy;
};
#define OF(member) offsetof(struct doctor_host, member)

static const struct host_case host_cases[] = {
	{ OF(files), NONE, "descriptors", DOCTOR_UNKNOWN, "cannot be read", "" },
	{ OF(files), 16384, "descriptors", DOCTOR_OK, "16384, for 16320 clients", "" },
	{ OF(files), 16383, "descriptors", DOCTOR_WARNING, "16383, enough for 16318 clients",
	  "ulimit -n 262144" },
	{ OF(files), 8, "descriptors", DOCTOR_WARNING, "8, enough for 0 clients",
	  "ulimit -n 262144" },
	{ OF(connections), 262080, "descriptors", DOCTOR_OK, "262144, for 262080", "" },
	{ OF(connections), 262081, "descriptors", DOCTOR_PROBLEM, "limits.connections is 262081",
	  "ulimit -n 262146" },
	{ OF(backlog), NONE, "backlog", DOCTOR_UNKNOWN, "cannot be read", "" },
	{ OF(backlog), 4095, "backlog", DOCTOR_WARNING, "is 4095",
	  "sysctl -w net.core.somaxconn=4096" },
	{ OF(ports_first), NONE, "ports", DOCTOR_UNKNOWN, "cannot be read", "" },
	{ OF(ports_last), 32767, "ports", DOCTOR_UNKNOWN, "cannot be read", "" },
	{ OF(ports_last), 32768, "ports", DOCTOR_WARNING, "has 1 ports",
	  "sysctl -w net.ipv4.ip_local_port_range='32768 60999'" },
	{ OF(ports_last), 49151, "ports", DOCTOR_OK, "16384 for", "" },
	{ OF(conntrack_max), 65536, "conntrack", DOCTOR_OK, "65536", "" },
	{ OF(memory), NONE, "memory", DOCTOR_UNKNOWN, "not known", "" },
	{ OF(memory), 35 * MIB, "memory", DOCTOR_OK, "35 MiB", "" },
	{ OF(memory), 35 * MIB - 1, "memory", DOCTOR_PROBLEM, "want 35 MiB",
	  "systemctl set-property yett.service MemoryMax=70M" },
	{ OF(table), 341 * MIB, "memory", DOCTOR_PROBLEM, "3 tables of 341 MiB",
	  "systemctl set-property yett.service MemoryMax=2110M" },
	{ OF(huge_always), 1, "huge pages", DOCTOR_OK, "", "" },
	{ OF(clock_unsynchronised), 1, "clock", DOCTOR_WARNING, "synchronised",
	  "timedatectl set-ntp true" },
	{ OF(clock_unsynchronised), NONE, "clock", DOCTOR_UNKNOWN, "does not say", "" },
};

static void
test_host(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof host_cases / sizeof host_cases[0]; i++) {
		const struct host_case *c = &host_cases[i];
		struct doctor_host h = good;
		struct doctor d = { .file = "f" };

		memcpy((char *)&h + c->at, &c->value, sizeof c->value);
		doctor_host_judge(&d, &h);
		assert_int_equal(d.count, 9);
		expect(&d, c->check, c->state, c->text, c->remedy);
		assert_int_equal(doctor_number(&d, DOCTOR_OK), c->state == DOCTOR_OK ? 9 : 8);
		doctor_deinit(&d);
	}
}

static void
test_host_together(void **state)
{
	struct doctor_host h = good;
	struct doctor d = { .file = "f" };

	(void)state;
	h.unit = "yett.service";
	h.files = 1024;
	h.connections = 10000;
	h.conntrack_max = 19999;
	h.huge_always = h.local_redis = true;
	h.kernel = h.filter = -38;
	doctor_host_judge(&d, &h);
	expect(&d, "descriptors", DOCTOR_PROBLEM, "RLIMIT_NOFILE is 1024",
	       "mkdir -p /etc/systemd/system/yett.service.d && printf '[Service]\\nLimitNOFILE="
	       "262144\\n' > /etc/systemd/system/yett.service.d/files.conf && systemctl "
	       "daemon-reload && systemctl restart yett.service");
	expect(&d, "conntrack", DOCTOR_WARNING, "may take two",
	       "sysctl -w net.netfilter.nf_conntrack_max=40000");
	expect(&d, "huge pages", DOCTOR_WARNING, "always on",
	       "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
	assert_int_equal(find(&d, "kernel", "")->state, DOCTOR_PROBLEM);
	assert_int_equal(find(&d, "sandbox", "no seccomp")->state, DOCTOR_WARNING);
	doctor_deinit(&d);
	d = (struct doctor){ .file = "f" };
	h.conntrack = 18000;
	h.unconfined = true;
	doctor_host_judge(&d, &h);
	expect(&d, "conntrack", DOCTOR_PROBLEM, "18000 of nf_conntrack_max=19999 are taken",
	       "sysctl -w net.netfilter.nf_conntrack_max=40000");
	expect(&d, "sandbox", DOCTOR_WARNING, "is off", "# write sandbox: true, and restart");
	doctor_deinit(&d);
	d = (struct doctor){ .file = "f" };
	h.filter = 0;
	h.unconfined = false;
	h.root = true;
	doctor_host_judge(&d, &h);
	expect(&d, "sandbox", DOCTOR_WARNING, "runs as root", "# write user: yett, and restart");
	doctor_deinit(&d);
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t first, second;
	} cases[] = {
		{ "4096\n", 4096, NONE }, { "32768\t60999\n", 32768, 60999 },
		{ "  7  8", 7, 8 },       { "max\n", NONE, NONE },
		{ "", NONE, NONE },       { "1024 unlimited", 1024, NONE },
		{ "-1", NONE, NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t first, second;

		proc_numbers(slice_of(cases[i].text), &first, &second);
		assert_int_equal(first, cases[i].first);
		assert_int_equal(second, cases[i].second);
	}
}

struct redis_case {
	const char *info, *missing, *useful;
	bool sessions;
	int64_t time;
	enum doctor_state state;
	const char *check, *text, *remedy;
	size_t others; /* findings that are not ok, all in all */
};
#define SAVED "redis_version:7.0.15\r\naof_enabled:1\r\n"
#define EVICT(policy) SAVED "maxmemory_policy:" policy "\r\n"
#define NOEVICTION "redis-cli -u redis://db:6379 CONFIG SET maxmemory-policy noeviction"

static const struct redis_case redis_cases[] = {
	{ SAVED, "", "", true, 1000, DOCTOR_OK, "redis", "is Redis 7.0.15", "", 0 },
	{ "", "", "", true, 0, DOCTOR_UNKNOWN, "redis", "not to INFO",
	  "redis-cli -u redis://db:6379 ACL SETUSER default +info", 1 },
	{ "redis_version:5.0.14\naof_enabled:1\n", "", "", true, 0, DOCTOR_WARNING, "redis",
	  "5.0.14", "apt install redis-server # 6 or newer", 1 },
	{ EVICT("noeviction"), "", "", true, 0, DOCTOR_OK, "redis", "is Redis", "", 0 },
	{ EVICT("allkeys-lru"), "", "", true, 0, DOCTOR_PROBLEM, "redis", "throws sessions away",
	  NOEVICTION, 1 },
	{ EVICT("allkeys-random"), "", "", false, 0, DOCTOR_PROBLEM, "redis", "throws rules away",
	  NOEVICTION, 1 },
	{ EVICT("volatile-ttl"), "", "", true, 0, DOCTOR_WARNING, "redis", "throws sessions away",
	  NOEVICTION, 1 },
	{ EVICT("volatile-ttl"), "", "", false, 0, DOCTOR_OK, "redis", "is Redis", "", 0 },
	{ "redis_version:7.0.15\naof_enabled:0\nrdb_saves:0\n", "", "", false, 0, DOCTOR_WARNING,
	  "redis", "has saved nothing",
	  "redis-cli -u redis://db:6379 CONFIG SET appendonly yes # and in redis.conf", 1 },
	{ "redis_version:7.0.15\naof_enabled:0\nrdb_saves:3\n", "", "", false, 0, DOCTOR_OK,
	  "redis", "is Redis", "", 0 },
	{ SAVED "rdb_last_bgsave_status:err\r\n", "", "", false, 0, DOCTOR_PROBLEM, "redis",
	  "could not save", "redis-cli -u redis://db:6379 INFO persistence", 1 },
	{ SAVED, " +get ~session:*", "", true, 0, DOCTOR_PROBLEM, "redis", "user default",
	  "redis-cli -u redis://db:6379 ACL SETUSER default +get ~session:*", 1 },
	{ SAVED, "", " +client|id", true, 0, DOCTOR_WARNING, "redis", "again each second",
	  "redis-cli -u redis://db:6379 ACL SETUSER default +client|id", 1 },
	{ SAVED, "", " +xadd +set", false, 0, DOCTOR_WARNING, "redis", "changes by the API",
	  "redis-cli -u redis://db:6379 ACL SETUSER default +xadd +set", 1 },
	{ SAVED, " +get", " +xadd", false, 0, DOCTOR_PROBLEM, "redis", "what is needed",
	  "redis-cli -u redis://db:6379 ACL SETUSER default +get", 2 },
	{ SAVED, "", "", true, 1002, DOCTOR_OK, "redis", "is Redis", "", 0 },
	{ SAVED, "", "", true, 997, DOCTOR_WARNING, "clock", "are 3 s apart",
	  "timedatectl set-ntp true # on both", 1 },
	{ SAVED, "", "", true, 1031, DOCTOR_PROBLEM, "clock", "are 31 s apart",
	  "timedatectl set-ntp true # on both", 1 },
};

static void
test_redis(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof redis_cases / sizeof redis_cases[0]; i++) {
		const struct redis_case *c = &redis_cases[i];
		struct doctor_redis r = {
			.check = "redis",
			.where = "db:6379",
			.user = "",
			.sessions = c->sessions,
			.time = c->time,
		};
		struct doctor d = { .file = "f" };

		buf_adds(&r.info, slice_of(c->info));
		buf_adds(&r.missing, slice_of(c->missing));
		buf_adds(&r.useful, slice_of(c->useful));
		doctor_redis_judge(&d, &r, 1000);
		expect(&d, c->check, c->state, c->text, c->remedy);
		assert_int_equal(d.count - doctor_number(&d, DOCTOR_OK), c->others);
		doctor_deinit(&d);
		doctor_redis_deinit(&r);
	}
}

static void
test_redis_cli(void **state)
{
	struct doctor_redis tls = { .where = "[::1]:6379", .secure = true };
	struct doctor_redis local = { .where = "unix:/run/r.sock" };
	struct doctor d = { .file = "f" };

	(void)state;
	doctor_tell(&d, DOCTOR_OK, "tls", "x");
	doctor_redis_remedy(&d, &tls, "ping %d", 1);
	doctor_tell(&d, DOCTOR_OK, "local", "x");
	doctor_redis_remedy(&d, &local, "ping");
	expect(&d, "tls", DOCTOR_OK, "x", "redis-cli -u rediss://[::1]:6379 ping 1");
	expect(&d, "local", DOCTOR_OK, "x", "redis-cli -s /run/r.sock ping");
	doctor_deinit(&d);
}

/* The worst first; nothing of it can move a terminal's cursor, and JSON is JSON. */
static void
test_written(void **state)
{
	struct buf BUF_CLEAN text = { 0 }, json = { 0 };
	struct doctor d = { .file = "f.yaml" };
	struct json *root;

	(void)state;
	doctor_tell(&d, DOCTOR_OK, "a", "good");
	doctor_message(&d, DOCTOR_WARNING, "b", SLICE("one; two is \"bad\"; mend it\n"));
	doctor_message(&d, DOCTOR_PROBLEM, "c", SLICE("no\x1b[2Jway"));
	doctor_write(&d, false, &text);
	buf_addc(&text, '\0');
	assert_string_equal(text.p, "problem  c              no [2Jway\n"
				    "warning  b              one; two is \"bad\"\n"
				    "                        mend it\n"
				    "ok       a              good\n"
				    "f.yaml: 1 problem, 1 warning, 0 unknown, 1 ok\n");
	doctor_write_json(&d, &json);
	assert_int_equal(json_parse(buf_slice(&json), 4096, 8, &root), 0);
	assert_int_equal(json_kind(json_get(root, "ok")), JSON_FALSE);
	json_free(root);
	doctor_deinit(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host),      cmocka_unit_test(test_host_together),
		cmocka_unit_test(test_numbers),   cmocka_unit_test(test_redis),
		cmocka_unit_test(test_redis_cli), cmocka_unit_test(test_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
