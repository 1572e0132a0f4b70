#include "backend/kernel/capability.h"

#include <string.h>

#include "backend/kernel/blocked.h"
#include "backend/kernel/syscall.h"
#include "base/log.h"

/* An opcode is a byte. */
#define MAX_OPCODES 256

static const struct feature {
	uint32_t flag;
	const char *name;
} required[] = {
	/* No completion is ever lost. */
	{ URING_FEAT_NODROP, "NODROP" },
	/* What a request points to may go once it was submitted. */
	{ URING_FEAT_SUBMIT_STABLE, "SUBMIT_STABLE" },
	/* Offset -1 is the file's position: read and write need it. */
	{ URING_FEAT_RW_CUR_POS, "RW_CUR_POS" },
	/* A kernel thread takes ordinary descriptors. */
	{ URING_FEAT_SQPOLL_NONFIXED, "SQPOLL_NONFIXED" },
	/* enter takes a time. */
	{ URING_FEAT_EXT_ARG, "EXT_ARG" },
};

const char *probe_missing(uint32_t features)
{
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (!(features & required[i].flag))
			return required[i].name;
	return NULL;
}

/* What a busy-polled ring takes; all else is -EINVAL there. */
static const uint8_t polled[] = {
	URING_OP_NOP,         URING_OP_READV,          URING_OP_WRITEV,
	URING_OP_READ_FIXED,  URING_OP_WRITE_FIXED,    URING_OP_FILES_UPDATE,
	URING_OP_READ,        URING_OP_WRITE,          URING_OP_PROVIDE_BUFFERS,
	URING_OP_MSG_RING,    URING_OP_REMOVE_BUFFERS, URING_OP_URING_CMD,
	URING_OP_READV_FIXED, URING_OP_WRITEV_FIXED,
};

static void keep_polled(uint64_t opcodes[4])
{
	uint64_t kept[4] = { 0 };

	for (size_t i = 0; i < sizeof(polled); i++)
		kept[polled[i] / 64] |= UINT64_C(1) << polled[i] % 64;
	for (size_t i = 0; i < 4; i++)
		opcodes[i] &= kept[i];
}

static int probe_opcodes(int fd, uint64_t ret_opcodes[4])
{
	/* The kernel wants all of it to be zero. */
	union {
		struct uring_probe probe;
		unsigned char room[sizeof(struct uring_probe) +
				   MAX_OPCODES * sizeof(struct uring_probe_op)];
	} answer;
	int err;

	memset(&answer, 0, sizeof(answer));
	err = syscall_register(fd, URING_REGISTER_PROBE, &answer, MAX_OPCODES);
	if (err == -EINVAL) {
		reason_set("io_uring_register: EINVAL: this kernel cannot tell "
			   "its opcodes: Linux 5.11 or newer is needed");
		return -EOPNOTSUPP;
	}
	if (err < 0)
		return blocked_reason("io_uring_register", err);
	memset(ret_opcodes, 0, 4 * sizeof(ret_opcodes[0]));
	for (unsigned int i = 0; i < answer.probe.ops_len; i++) {
		const struct uring_probe_op *const op = &answer.probe.ops[i];

		if (op->flags & URING_OP_SUPPORTED)
			ret_opcodes[op->op / 64] |= UINT64_C(1) << op->op % 64;
	}
	return 0;
}

/*
 * Flags are looked at before the ring, so that a disabled one says -EBADFD to
 * flags that exist and -EINVAL to others. Any other answer means that the call
 * itself is blocked.
 */
static int probe_enter(int fd, bool *ret_abs_timer)
{
	const int err = syscall_enter(fd, 0, 0, URING_ENTER_ABS_TIMER, NULL, 0);

	if (err != -EBADFD && err != -EINVAL)
		return blocked_reason("io_uring_enter", err);
	*ret_abs_timer = err == -EBADFD;
	return 0;
}

/*
 * Asks for a pool in memory at NULL. A kernel that has incremental pools stops
 * at the address (-EFAULT), one that has not at the flag (-EINVAL): nothing is
 * made, nothing counts against the memlock limit.
 */
static bool probe_incremental(int fd)
{
	struct uring_buf_reg pool = {
		.ring_entries = 1,
		.bgid = UINT16_MAX,
		.flags = URING_PBUF_INC,
	};

	return syscall_register(fd, URING_REGISTER_PBUF_RING, &pool, 1) ==
	       -EFAULT;
}

int probe_ring(int fd, struct backend_grant *ret_grant)
{
	int err = probe_opcodes(fd, ret_grant->opcodes);

	if (err < 0)
		return err;
	err = probe_enter(fd, &ret_grant->abs_timer);
	if (err < 0)
		return err;
	ret_grant->incremental = probe_incremental(fd);
	if (ret_grant->setup_flags & URING_SETUP_IOPOLL)
		keep_polled(ret_grant->opcodes);
	return 0;
}
