#pragma once

/*
 * messages: how large those of workers are, so that a target can send whole ones.
 */

#include "shm/message.h"

#include <stddef.h>

/* The type and the body. 0: no worker says that. */
static inline size_t
message_size(uint8_t type)
{
	static const size_t body[] = {
		[MSG_BOARD] = sizeof(struct msg_board),
		[MSG_ACK] = sizeof(struct msg_ack),
		[MSG_NACK] = sizeof(struct msg_ack),
		[MSG_FAILING] = sizeof(struct msg_failing),
		[MSG_CALL] = sizeof(struct msg_call),
		[MSG_EXPLAINED] = sizeof(struct msg_explained),
		[MSG_KEYS_ASK] = sizeof(struct msg_keys_ask),
		[MSG_SUSPENSION_ASK] = sizeof(struct msg_suspension_ask),
		[MSG_SWEPT] = sizeof(struct msg_swept),
		[MSG_LEASE] = sizeof(struct msg_lease),
		[MSG_TOKEN_ASK] = sizeof(struct msg_token_ask),
		[MSG_SESSIONS_TOLD] = sizeof(struct msg_sessions_told),
		[MSG_EXCHANGE] = sizeof(struct msg_exchange),
		[MSG_EXCHANGE_KEPT] = sizeof(struct msg_exchange_kept),
		[MSG_NAME_ASK] = sizeof(struct msg_name_ask),
	};

	return type < sizeof body / sizeof *body && body[type] ? sizeof(uint32_t) + body[type] : 0;
}
