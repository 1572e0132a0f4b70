/*
 * What the kernel calls its flags, features and calls, and the first one that
 * has them: for people to read. Nothing decides by it.
 */
#include <a10/probe.h>

#include "op/table.h"
#include "uapi/io_uring.h"

struct name {
	const char *name;
	uint16_t since; /* 605: Linux 6.5 */
};

struct list {
	const struct name *names;
	uint32_t count;
};

static const struct name setup_flags[] = {
	{ "IOPOLL", 501 },        { "SQPOLL", 501 },
	{ "SQ_AFF", 501 },        { "CQSIZE", 505 },
	{ "CLAMP", 506 },         { "ATTACH_WQ", 506 },
	{ "R_DISABLED", 510 },    { "SUBMIT_ALL", 518 },
	{ "COOP_TASKRUN", 519 },  { "TASKRUN_FLAG", 519 },
	{ "SQE128", 519 },        { "CQE32", 519 },
	{ "SINGLE_ISSUER", 600 }, { "DEFER_TASKRUN", 601 },
	{ "NO_MMAP", 605 },       { "REGISTERED_FD_ONLY", 605 },
	{ "NO_SQARRAY", 606 },    { "HYBRID_IOPOLL", 613 },
	{ "CQE_MIXED", 618 },     { "SQE_MIXED", 619 },
	{ "SQ_REWIND", 700 },
};

static const struct name features[] = {
	{ "SINGLE_MMAP", 504 },     { "NODROP", 505 },
	{ "SUBMIT_STABLE", 505 },   { "RW_CUR_POS", 506 },
	{ "CUR_PERSONALITY", 506 }, { "FAST_POLL", 507 },
	{ "POLL_32BITS", 509 },     { "SQPOLL_NONFIXED", 511 },
	{ "EXT_ARG", 511 },         { "NATIVE_WORKERS", 512 },
	{ "RSRC_TAGS", 513 },       { "CQE_SKIP", 517 },
	{ "LINKED_FILE", 517 },     { "REG_REG_RING", 603 },
	{ "RECVSEND_BUNDLE", 610 }, { "MIN_TIMEOUT", 612 },
	{ "RW_ATTR", 614 },         { "NO_IOWAIT", 615 },
};

static const struct name enter_flags[] = {
	{ "GETEVENTS", 501 },       { "SQ_WAKEUP", 501 },
	{ "SQ_WAIT", 510 },         { "EXT_ARG", 511 },
	{ "REGISTERED_RING", 518 }, { "ABS_TIMER", 612 },
	{ "EXT_ARG_REG", 613 },     { "NO_IOWAIT", 615 },
};

static const struct name register_calls[] = {
	{ "BUFFERS", 501 },
	{ "UNREGISTER_BUFFERS", 501 },
	{ "FILES", 501 },
	{ "UNREGISTER_FILES", 501 },
	{ "EVENTFD", 502 },
	{ "UNREGISTER_EVENTFD", 502 },
	{ "FILES_UPDATE", 505 },
	{ "EVENTFD_ASYNC", 506 },
	{ "PROBE", 506 },
	{ "PERSONALITY", 506 },
	{ "UNREGISTER_PERSONALITY", 506 },
	{ "RESTRICTIONS", 510 },
	{ "ENABLE_RINGS", 510 },
	{ "FILES2", 513 },
	{ "FILES_UPDATE2", 513 },
	{ "BUFFERS2", 513 },
	{ "BUFFERS_UPDATE", 513 },
	{ "IOWQ_AFF", 514 },
	{ "UNREGISTER_IOWQ_AFF", 514 },
	{ "IOWQ_MAX_WORKERS", 515 },
	{ "RING_FDS", 518 },
	{ "UNREGISTER_RING_FDS", 518 },
	{ "PBUF_RING", 519 },
	{ "UNREGISTER_PBUF_RING", 519 },
	{ "SYNC_CANCEL", 600 },
	{ "FILE_ALLOC_RANGE", 600 },
	{ "PBUF_STATUS", 608 },
	{ "NAPI", 609 },
	{ "UNREGISTER_NAPI", 609 },
	{ "CLOCK", 612 },
	{ "CLONE_BUFFERS", 612 },
	{ "SEND_MSG_RING", 613 },
	{ "ZCRX_IFQ", 615 },
	{ "RESIZE_RINGS", 613 },
	{ "MEM_REGION", 613 },
	{ "QUERY", 618 },
	{ "ZCRX_CTRL", 619 },
	{ "BPF_FILTER", 700 },
};

static const struct name causes[] = {
	[A10_PROBE_USABLE] = { "none", 0 },
	[A10_PROBE_NO_IO_URING] = { "missing", 0 },
	[A10_PROBE_TOO_OLD] = { "old", 0 },
	[A10_PROBE_BY_SYSCTL] = { "sysctl", 0 },
	[A10_PROBE_BY_SECCOMP] = { "seccomp", 0 },
	[A10_PROBE_BY_POLICY] = { "policy", 0 },
	[A10_PROBE_BY_MEMLOCK] = { "memlock", 0 },
	[A10_PROBE_NO_MEMORY] = { "memory", 0 },
	[A10_PROBE_NO_DESCRIPTOR] = { "descriptors", 0 },
	[A10_PROBE_NO_FILE] = { "files", 0 },
	[A10_PROBE_NO_THREAD] = { "threads", 0 },
	[A10_PROBE_UNKNOWN] = { "unknown", 0 },
};

#define COUNT(names) (sizeof(names) / sizeof((names)[0]))
#define LIST(names)                   \
	{                             \
		(names), COUNT(names) \
	}

/* A number more in uapi is a name more here. */
_Static_assert(COUNT(register_calls) == URING_REGISTER_COUNT, "register");
_Static_assert(1u << (COUNT(setup_flags) - 1) == URING_SETUP_SQ_REWIND,
	       "setup");
_Static_assert(1u << (COUNT(features) - 1) == URING_FEAT_NO_IOWAIT, "feat");
_Static_assert(1u << (COUNT(enter_flags) - 1) == URING_ENTER_NO_IOWAIT,
	       "enter");

static const struct list lists[] = {
	[A10_PROBE_SETUP_FLAGS] = LIST(setup_flags),
	[A10_PROBE_FEATURES] = LIST(features),
	[A10_PROBE_ENTER_FLAGS] = LIST(enter_flags),
	[A10_PROBE_REGISTER_CALLS] = LIST(register_calls),
	[A10_PROBE_CAUSES] = LIST(causes),
};

/* An opcode's row is in the table of those; since 0: it has none. */
static const struct op_row *opcode_row(uint32_t number)
{
	const struct op_row *const row = op_row(number);

	return row->since_major != 0 ? row : NULL;
}

static const struct name *name_find(enum a10_probe_list list, uint32_t number)
{
	if ((uint32_t)list >= COUNT(lists) || number >= lists[list].count)
		return NULL;
	return &lists[list].names[number];
}

const char *a10_probe_name(enum a10_probe_list list, uint32_t number)
{
	const struct name *name = name_find(list, number);
	const struct op_row *row;

	if (list != A10_PROBE_OPCODES)
		return name ? name->name : NULL;
	row = opcode_row(number);
	return row ? row->name : NULL;
}

uint32_t a10_probe_since(enum a10_probe_list list, uint32_t number)
{
	const struct name *name = name_find(list, number);
	const struct op_row *row;

	if (list != A10_PROBE_OPCODES)
		return name ? name->since : 0;
	row = opcode_row(number);
	return row ? row->since_major * 100u + row->since_minor : 0;
}
