#include "ring/accept.h"

#include <errno.h>

/* accept(2): these are the connection's or the moment's, not the socket's. */
bool accept_is_transient(const struct op_row *row, int64_t value)
{
	if (!row->transient)
		return false;
	switch (-value) {
	case ECONNABORTED:
	case EPERM:
	case EPROTO:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return true;
	default:
		return false;
	}
}

/*
 * Before 6.10 it is an accept and a cancel behind it: the accept has taken who
 * waited by then, or nobody did.
 */
bool accept_is_hurried(const struct a10_ring *ring,
		       const struct a10_request *request)
{
	return request->opcode == URING_OP_ACCEPT &&
	       request->priority & URING_ACCEPT_DONTWAIT &&
	       !(ring->grant.features & URING_FEAT_RECVSEND_BUNDLE);
}
