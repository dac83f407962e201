#include "control.h"

#include "master.h"
#include "reload.h"
#include "reply.h"
#include "status.h"

#include "lib/log.h"

static void
call_reload(struct master *m, struct slot *admin, const struct msg_call *call)
{
	BUF_CLEAN struct buf report = { 0 };
	BUF_CLEAN struct buf json = { 0 };

	if (master_reload(m, &report) != 0) {
		buf_adds(&json, SLICE("{\"ok\":false,\"error\":"));
		buf_add_json(&json, buf_slice(&report));
		buf_adds(&json, SLICE("}\n"));
		reply_send(admin, call->id, 422, buf_slice(&json));
		return;
	}
	if (call->flags & CALL_FLAG_FORCE)
		store_redis_compare(m->store, true);
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
