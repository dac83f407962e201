#pragma once

/* gcm_alt: the context that mbedTLS asks for (MBEDTLS_GCM_ALT). */

#include "aead.h"

typedef struct aead mbedtls_gcm_context;
