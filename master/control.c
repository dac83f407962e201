#include "control.h"

#include "master.h"
#include "reload.h"
#include "reply.h"
#include "status.h"

#include "lib/log.h"

/* Lines of the report as a JSON array; of both kinds only that which is asked for. */
static void
add_lines(struct buf *out, struct slice report, bool warnings)
{
	bool first = true;

	buf_addc(out, '[');
	while (report.p && report.n > 0) {
		struct slice line = slice_cut(report, '\n', &report);

		if (line.n == 0 || (memmem(line.p, line.n, ": warning: ", 11) != NULL) != warnings)
			continue;
		buf_adds(out, first ? SLICE("") : SLICE(","));
		buf_add_json(out, line);
		first = false;
	}
	buf_addc(out, ']');
}

static void
call_reload(struct master *m, struct slot *admin, const struct msg_call *call)
{
	BUF_CLEAN struct buf report = { 0 };
	BUF_CLEAN struct buf json = { 0 };

	if (call->flags & CALL_FLAG_FORCE && m->config->redis.configured && !waiters_redis_up(m)) {
		reply_redis_down(admin, call->id, false);
		return;
	}
	if (master_reload(m, &report) != 0) {
		buf_adds(&json, SLICE("{\"ok\":false,\"error\":"));
		buf_add_json(&json, buf_slice(&report));
		buf_adds(&json, SLICE(",\"mistakes\":"));
		add_lines(&json, buf_slice(&report), false);
		buf_adds(&json, SLICE(",\"warnings\":"));
		add_lines(&json, buf_slice(&report), true);
		buf_adds(&json, SLICE("}\n"));
		reply_send(admin, call->id, 422, buf_slice(&json));
		return;
	}
	waiters_add(m, admin, call);
}

void
control_answer(struct master *m, struct slot *admin, const struct msg_call *call,
	       struct ipc_message *message)
{
	BUF_CLEAN struct buf json = { 0 };

	switch ((enum call_verb)call->verb) {
	case CALL_STATUS:
		status_write(m, &json);
		break;
	case CALL_ROUTES:
		status_write_routes(m, &json);
		break;
	case CALL_CONFIG:
		config_effective(m->config, true, &json);
		break;
	case CALL_RELOAD:
		call_reload(m, admin, call);
		return;
	}
	if (json.n)
		reply_send(admin, call->id, 200, buf_slice(&json));
	else
		reply_send(admin, call->id, 501, SLICE("{\"error\":\"unknown call\"}\n"));
}
