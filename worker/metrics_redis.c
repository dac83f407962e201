#include "metrics_redis.h"

#include "metrics.h"

static const char *const names[BOARD_REDIS_N] = {
	[BOARD_REDIS_RULES] = "rules",
	[BOARD_REDIS_SESSIONS] = "sessions",
};

static void
add_label(struct buf *out, const char *name, const char *value, size_t cap)
{
	buf_addf(out, ",%s=\"", name);
	metrics_label(out, slice_make(value, strnlen(value, cap)));
	buf_addc(out, '"');
}

void
metrics_write_redis(const struct board_master *m, struct buf *out)
{
	static struct board_redis rows[BOARD_REDIS_N]; /* as they were read last */

	board_read(&m->redis_seq, m->redis, sizeof rows, rows);
	metrics_family(out, METRIC_redis_server_info);
	for (int i = 0; i < BOARD_REDIS_N; i++) {
		if (!rows[i].server[0])
			continue;
		metrics_name(out, METRIC_redis_server_info);
		buf_addf(out, "{of=\"%s\"", names[i]);
		add_label(out, "server", rows[i].server, sizeof rows[i].server);
		add_label(out, "found", rows[i].by, sizeof rows[i].by);
		buf_adds(out, SLICE("} 1\n"));
	}
	metrics_family(out, METRIC_redis_server_changes_total);
	for (int i = 0; i < BOARD_REDIS_N; i++) {
		if (!rows[i].server[0])
			continue;
		metrics_name(out, METRIC_redis_server_changes_total);
		buf_addf(out, "{of=\"%s\"} %llu\n", names[i], (unsigned long long)rows[i].changes);
	}
}
